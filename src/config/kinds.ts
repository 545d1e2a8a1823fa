import { isIP } from 'node:net'
import { z } from 'zod'

/** What a setting accepts. The schema's messages complete the sentence "listen.port …". */
export interface Kind<V> {
  /** How a variable's text is read before the schema sees it; YAML brings its own types. */
  readonly form: 'text' | 'number' | 'flag' | 'list'
  /** For people: `seconds, 0.01 to 3600`. */
  readonly text: string
  readonly schema: z.ZodType<V>
  /**
   * Where the value may be seen: `always`, in faults too; `once-valid`, never in a fault (URLs, because
   * credentials get written into them); `never`.
   */
  readonly shown: 'always' | 'once-valid' | 'never'
}

export type Verdict<V> =
  | { readonly kind: 'value'; readonly value: V }
  | { readonly kind: 'fault'; readonly message: string; readonly item?: number }

/** Judges one written value. `item` is the place in a list, from 0, of the item that is at fault. */
export function judge<V>(kind: Kind<V>, written: unknown): Verdict<V> {
  const verdict = kind.schema.safeParse(written)
  if (verdict.success) return { kind: 'value', value: verdict.data }
  const [first] = verdict.error.issues
  const item = first?.path[0]
  const message = first?.message ?? 'is not valid'
  return typeof item === 'number' ? { kind: 'fault', message, item } : { kind: 'fault', message }
}

/** A duration. Fractions are fine; the unit is always the second. */
export function seconds(min: number, max: number): Kind<number> {
  const error = `must be a number of seconds from ${min} to ${max}`
  const schema = z.number({ error }).min(min, { error }).max(max, { error })
  return { form: 'number', text: `seconds, ${min} to ${max}`, schema, shown: 'always' }
}

/** A count of `unit`. */
export function whole(unit: string, min: number, max: number): Kind<number> {
  const error = `must be a whole number of ${unit} from ${min} to ${max}`
  const schema = z.int({ error }).min(min, { error }).max(max, { error })
  return { form: 'number', text: `${unit}, ${min} to ${max}`, schema, shown: 'always' }
}

/** A share of a whole. */
export function part(): Kind<number> {
  const error = 'must be a number from 0 to 1'
  const schema = z.number({ error }).min(0, { error }).max(1, { error })
  return { form: 'number', text: 'share, 0 to 1', schema, shown: 'always' }
}

export function port(): Kind<number> {
  const error = 'must be a whole number from 0 to 65535 (0 takes any free port)'
  const schema = z.int({ error }).min(0, { error }).max(65_535, { error })
  return { form: 'number', text: 'port, 0 to 65535', schema, shown: 'always' }
}

export function flag(): Kind<boolean> {
  return {
    form: 'flag',
    text: 'true or false',
    schema: z.boolean({ error: 'must be true or false' }),
    shown: 'always',
  }
}

export function oneOf<const W extends readonly [string, ...string[]]>(words: W): Kind<W[number]> {
  const schema = z.enum(words, { error: `must be one of ${words.join(', ')}` })
  return { form: 'text', text: `one of ${words.join(', ')}`, schema, shown: 'always' }
}

/** Lower case, because names are compared without regard to case. */
export function host(): Kind<string> {
  const error = 'must be an IP address (an IPv6 one without brackets) or a host name, without a port'
  const schema = z.string({ error }).refine(isHost, { error }).toLowerCase()
  return { form: 'text', text: 'IP address or host name', schema, shown: 'always' }
}

export function hosts(most: number): Kind<readonly string[]> {
  const error = `must be a list of at most ${most} IP addresses or host names`
  const schema = z
    .array(host().schema, { error })
    .max(most, { error: `must not hold more than ${most} names` })
  return {
    form: 'list',
    text: `list of IP addresses or host names, at most ${most}`,
    schema,
    shown: 'always',
  }
}

/** A file's path. Relative ones are meant from the working directory, whichever file or variable names them. */
export function file(): Kind<string> {
  return path('file')
}

/** A folder's path, relative as a file's is. */
export function folder(): Kind<string> {
  return path('folder')
}

function path(what: string): Kind<string> {
  const error = `must be the path of a ${what}, 1 to 4096 characters`
  // A NUL ends a path for the operating system, so Node refuses it with an exception.
  const schema = z
    .string({ error })
    .min(1, { error })
    .max(4096, { error })
    .regex(/^[^\0]*$/, { error })
  return { form: 'text', text: `${what} path, from the working directory`, schema, shown: 'always' }
}

/** A name as other programs use them: a user, a Sentinel's master. */
export function word(): Kind<string> {
  const error = 'must be a name of 1 to 255 visible ASCII characters, without spaces'
  const schema = z
    .string({ error })
    .min(1, { error })
    .max(255, { error })
    .regex(/^[\x21-\x7e]*$/, { error })
  return { form: 'text', text: 'name, 1 to 255 visible ASCII characters', schema, shown: 'always' }
}

/** Braces would move the tag that keeps an account's keys together in a Cluster. */
export function keyPrefix(): Kind<string> {
  const error = 'must be 1 to 64 characters of A-Z a-z 0-9 . _ : -'
  const schema = z.string({ error }).regex(/^[A-Za-z0-9._:-]{1,64}$/, { error })
  return { form: 'text', text: 'text, 1 to 64 characters of A-Z a-z 0-9 . _ : -', schema, shown: 'always' }
}

/** `host:port` each. */
export function addresses(most: number): Kind<readonly string[]> {
  const error = `must be a list of at most ${most} addresses host:port`
  const one = z
    .string({ error })
    .refine(isAddress, { error: 'must be host:port (an IPv6 address in brackets)' })
  const schema = z.array(one, { error }).max(most, { error: `must not hold more than ${most} addresses` })
  return { form: 'list', text: `list of host:port, at most ${most}`, schema, shown: 'always' }
}

/** Never shown, because a password may be written into it. */
export function redisUrl(): Kind<string> {
  const error = 'must be a URL such as redis://host:6379 or rediss://user:password@host:6379/0'
  const schema = z.string({ error }).refine(isRedisUrl, { error })
  return { form: 'text', text: 'redis or rediss URL, secret', schema, shown: 'never' }
}

/** A bearer secret: what an `Authorization` header can carry without quoting. */
export function secret(min: number): Kind<string> {
  const error = `must be text of ${min} to 4096 visible ASCII characters: no spaces, no line end, and in quotes if it is all digits`
  const schema = z
    .string({ error })
    .min(min, { error })
    .max(4096, { error })
    .regex(/^[\x21-\x7e]*$/, { error })
  return { form: 'text', text: `secret, at least ${min} visible ASCII characters`, schema, shown: 'never' }
}

/** Several of them. */
export function secrets(most: number): Kind<readonly string[]> {
  const one = secret(1).schema
  const error = `must be a list of 1 to ${most} secrets`
  const schema = z.array(one, { error }).min(1, { error }).max(most, { error })
  return { form: 'list', text: `list of secrets, at most ${most}`, schema, shown: 'never' }
}

/** A key of `bytes` bytes. Both alphabets, padded or not, because every tool that makes one has its own way. */
export function key(bytes: number): Kind<string> {
  const error = `must be ${bytes} bytes in base64`
  const schema = z.string({ error }).refine(written => isKey(written, bytes), { error })
  return { form: 'text', text: `secret, ${bytes} bytes in base64`, schema, shown: 'never' }
}

/** Whether a text is so many bytes in base64, of the standard or the URL alphabet. */
export function isKey(text: string, bytes: number): boolean {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) && Buffer.from(text, 'base64').length === bytes
}

/** Scheme, host and port of a server. The value is its normal form: lower case, no default port, no trailing slash. */
export function origin(): Kind<string> {
  const error = 'must be a URL such as https://host or http://host:8080'
  const schema = z.string({ error }).transform((written, context) => {
    const fault = faultOfOrigin(written)
    if (fault === undefined) return new URL(written).origin
    context.addIssue({ code: 'custom', message: fault })
    return z.NEVER
  })
  return {
    form: 'text',
    text: 'http or https URL without path, query or credentials',
    schema,
    shown: 'once-valid',
  }
}

/**
 * Looks at the text before the parser does, because `new URL` forgives: it drops tabs, takes `\` for `/`
 * and forgets an empty query.
 */
function faultOfOrigin(written: string): string | undefined {
  if (written.includes('@')) return 'must not hold credentials (user:password@)'
  if (/[?#]/.test(written)) return 'must not have a query or a fragment'
  const [, authority, path] = /^https?:\/\/([^\s/\\]+)([^\s\\]*)$/i.exec(written) ?? []
  if (authority === undefined || !URL.canParse(written))
    return 'must be a URL such as https://host or http://host:8080'
  if (path !== '' && path !== '/') return 'must not have a path: scheme, host and port only'
  return new URL(written).port === '0' ? 'must not have port 0' : undefined
}

function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true
  const labels = text.split('.')
  // A last label of digits would be half an IPv4 address, which resolvers read in surprising ways.
  if (text.length > 253 || /^\d+$/.test(labels.at(-1) ?? '')) return false
  return labels.every(label => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/i.test(label))
}

function isAddress(text: string): boolean {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:[\]]+):(\d{1,5})$/i.exec(text) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return false
  return isHost(host.replace(/^\[(.*)\]$/, '$1'))
}

function isRedisUrl(text: string): boolean {
  if (!/^rediss?:\/\/[^\s/\\?#]+(\/\d{0,3})?$/.test(text) || !URL.canParse(text)) return false
  const { hostname, port } = new URL(text)
  return port !== '0' && isHost(hostname.replace(/^\[(.*)\]$/, '$1'))
}
