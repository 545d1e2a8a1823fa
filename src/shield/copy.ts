/** One copy: what is known of it, and how its head and body are written for the vault and read again. */
import type { CopyFacts, Withdrawal } from '../base/vault.js'
import { makeEtag } from './etag.js'

/** As `CopyFacts`, with its times on the clock of `nowMs`. */
export interface Copy extends Omit<CopyFacts, 'sentWallMs' | 'answeredWallMs' | 'stamp'> {
  readonly sentMs: number
  readonly answeredMs: number
  /** How the world of all nodes stood when it was fetched, or was last confirmed; '' where this node was alone. */
  stamp?: string | undefined
  /** Nothing that the others told was missed in it (`Fellows`). */
  session?: number | undefined
  /** The app that polled it last, and the key of that poll: who polls again need not make it again. */
  polled?: { readonly app: string; readonly key: string }
}

/** Whose copies, of what. What is left out means all. */
export interface Which {
  readonly account?: string | undefined
  readonly envelope?: string | undefined
  readonly viewer?: string | undefined
}

export function isAmong(copy: Copy, { account, envelope, viewer }: Which): boolean {
  return (
    (account === undefined || copy.account === account) &&
    (envelope === undefined || copy.envelope === envelope) &&
    (viewer === undefined || copy.viewer === viewer)
  )
}

/** What stands before the body. */
export interface CopyHead {
  /** Raw pairs, as they are replayed. */
  readonly lines: readonly string[]
  /** Strong, with its quotes. */
  readonly etag: string
}

/** A copy that can be read. */
export type Opened =
  | { readonly kind: 'bytes'; readonly head: CopyHead; readonly body: Buffer }
  | { readonly kind: 'stream'; readonly head: CopyHead; readonly source: Withdrawal }

/** In memory. */
export interface Held {
  readonly lines: readonly string[]
  readonly body: Buffer
  etag: string | undefined
}

export function etagOf({ lines, body }: Held): string {
  const maker = makeEtag(lines)
  maker.update(body)
  return maker.etag()
}

export function writeHead(head: CopyHead): Buffer {
  return Buffer.from(JSON.stringify(head))
}

/** What the vault gives back was sealed: it is what was written, or nothing. */
export function readHead(bytes: Buffer): CopyHead | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as CopyHead
  } catch {
    return undefined
  }
}

/** `undefined` where it is damaged, or not as long as it should be. */
export async function readAll(source: Withdrawal, bytes: number): Promise<Buffer | undefined> {
  const body = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  try {
    for await (const chunk of source.body() as AsyncIterable<Buffer>) at += chunk.copy(body, at)
  } catch {
    return undefined
  }
  return at === bytes ? body : undefined
}
