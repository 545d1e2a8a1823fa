/** What DocuSign has said of tokens to any node: under a hash of each, its user sealed, and when what was proven. */
import type { Clock } from '../../base/clock.js'
import type { Acquaintance, Commons } from '../../base/commons.js'
import { makeStore } from '../../base/store.js'
import type { RedisArg, RedisConnection, Script } from './connection.js'
import type { Names } from './names.js'
import type { Newsroom } from './news.js'
import { ACQUAINT, REFUSE, VOUCH } from './shield-tellings.js'

export type TokenRecords = Pick<Commons, 'acquaint' | 'vouch' | 'refuse'>

export interface TokenRecordsParts {
  readonly connection: RedisConnection
  readonly newsroom: Newsroom
  readonly names: Names
  readonly clock: Clock
  readonly inTime: <T>(work: Promise<T>) => Promise<T | undefined>
  readonly send: (script: Script, key: string, args: readonly RedisArg[]) => void
}

/** As long as an access token by JWT lives; each proof of it renews this. */
const TOKEN_MS = 3_600_000
/** As the outbox has it: what was told in so long is told again when Redis comes back. */
const AGAIN_MS = 60_000
const MAX_REFUSALS = 10_000

export function makeTokenRecords(parts: TokenRecordsParts): TokenRecords {
  const { connection, newsroom, names, clock, inTime, send } = parts
  const refusals = makeStore<{ readonly token: string; readonly atMs: number; isTold: boolean }>(MAX_REFUSALS)
  const keyOfToken = (token: string) => connection.key(names.of(token), 't')
  newsroom.onReturn(() => {
    for (const { token, atMs, isTold } of [...refusals.values()]) {
      if (!isTold || clock.nowMs() - atMs < AGAIN_MS) refuse(token)
    }
  })

  function refuse(token: string): void {
    const refusal = { token, atMs: refusals.get(token)?.atMs ?? clock.nowMs(), isTold: false }
    refusals.set(token, refusal)
    if (!connection.isUp) return
    const message = newsroom.numbered([{ kind: 'refused', token }])
    connection.eval(REFUSE, [keyOfToken(token)], [TOKEN_MS, newsroom.channel, message]).then(
      () => (refusal.isTold = true),
      () => undefined,
    )
  }

  return {
    async acquaint(token, proofs) {
      const fields = ['u', 'k', 'o', 'r', ...proofs.map(proof => `p${names.of(proof)}`)]
      const told = await inTime(connection.eval(ACQUAINT, [keyOfToken(token)], fields))
      if (told === undefined) return undefined
      const [now, values] = told as [number, (string | null | undefined)[]]
      const [user, integrationKey, toldAt, refusedAt, ...provenAt] = values
      const ago = (at: string | null | undefined) =>
        typeof at !== 'string' ? undefined : Math.max(0, now - Number(at))
      const known = new Map<string, number>()
      for (const [i, at] of provenAt.entries())
        if (typeof at === 'string') known.set(proofs[i] ?? '', now - Number(at))
      return {
        user: typeof user !== 'string' ? undefined : names.unseal(user, token),
        integrationKey: typeof integrationKey !== 'string' ? undefined : names.unseal(integrationKey, token),
        toldAgoMs: ago(toldAt),
        refusedAgoMs: ago(refusedAt),
        proofs: known,
      } satisfies Acquaintance
    },
    vouch(token, { user, integrationKey, isTold, proofs }, sentAgoMs) {
      const fields = proofs.flatMap(proof => [`p${names.of(proof)}`, ''])
      if (user !== undefined) fields.push('u', names.seal(user, token))
      if (integrationKey !== undefined) fields.push('k', names.seal(integrationKey, token))
      if (isTold === true) fields.push('o', '')
      send(VOUCH, keyOfToken(token), [TOKEN_MS, Math.max(0, Math.ceil(sentAgoMs)), ...fields])
    },
    refuse,
  }
}
