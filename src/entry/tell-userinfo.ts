/**
 * `GET /oauth/userinfo` through us. An app that follows DocuSign's examples calls the `base_uri` it finds there: ours,
 * so that it stays with us.
 */
import type { Residence, Userinfo } from '../forward/accounts.js'
import type { Answer } from '../forward/exchange.js'
import type { Call } from '../base/types.js'
import type { Shield } from '../shield/shield.js'
import { readUpTo } from './body.js'
import type { Walking } from './corridor.js'
import { ours } from './added.js'
import { refuse, whole, type Written } from './respond.js'

export interface UserinfoTellers {
  rewriteUserinfo(body: Buffer, encoding: string, base: string, maxBytes: number): Userinfo | undefined
  learnResidences(found: readonly Residence[]): void
  /** What apps call us by, for a call that came with this `Host`: `http://host:port`. */
  publicUrl(host: string | undefined): string
  readonly shield: Pick<Shield, 'userinfo'>
}

const MAX_USERINFO_BYTES = 1_048_576
/** Of another body, or of one in another coding. */
const NOT_OURS = ['content-length', 'content-encoding', 'etag', 'content-md5', 'digest']

export function isUserinfo(call: Call): boolean {
  return call.route === '/oauth/userinfo' && call.method === 'GET'
}

export function makeTellUserinfo(rooms: UserinfoTellers) {
  /** @param sentMs when the call was sent, at the earliest */
  return async function tellUserinfo(
    { call, req, res, visitor }: Walking,
    sentMs: number,
    answer: Answer,
  ): Promise<Written> {
    const body = await readUpTo(answer, MAX_USERINFO_BYTES)
    // Nobody reads the rest, and its connection would wait for somebody who does.
    if (!body) answer.body.destroy()
    const encoding = headerOf(answer.headers, 'content-encoding') ?? ''
    const base = rooms.publicUrl(req.headers.host) + call.app.prefix
    const told = body && rooms.rewriteUserinfo(body, encoding, base, MAX_USERINFO_BYTES)
    if (!told) {
      return refuse(res, {
        kind: 'refusal',
        reason: 'upstream-unreachable',
        message: 'DocuSign answered /oauth/userinfo with something that is not its list of accounts.',
      })
    }
    rooms.learnResidences(told.found)
    rooms.shield.userinfo(visitor, answer.headers, body, sentMs)
    const headers = without(answer.headers, NOT_OURS).concat(ours('forwarded', 'fwd=bypass'))
    return whole(res, answer.status, headers, told.body, { outcome: 'forwarded' })
  }
}

export function headerOf(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length === name.length && raw[i]?.toLowerCase() === name) return raw[i + 1]
  }
  return undefined
}

function without(raw: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (!names.includes(name.toLowerCase())) kept.push(name, raw[i + 1] as string)
  }
  return kept
}
