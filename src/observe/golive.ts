/**
 * Would an app pass DocuSign's Go-Live review (facts 3)? Read off the calls that went up, for each integration key where a
 * token endpoint told it, else for each app. What the governor itself refused or answered never reached DocuSign, so
 * it neither helps nor harms.
 */
import type { Clock } from '../base/clock.js'
import { makeStore } from '../base/store.js'
import type { Call, Seen } from '../base/types.js'
import { shownAppName } from './labels.js'
import { Rolling } from './rolling.js'
import { shortResource } from './short-resource.js'
import { verdictOf, type Evidence, type Verdict } from './golive-verdict.js'

export interface GoLive {
  seen(seen: Seen): void
  /** The one that called last comes first. */
  report(): { readonly wantedCalls: number; readonly integrations: readonly (Evidence & Verdict)[] }
}

export interface GoLiveConfig {
  readonly hourWindowMs: number
  readonly burstWindowMs: number
  readonly pollIntervalMs: number
}

interface Party {
  readonly key: string
  readonly integration: string | undefined
  app: string
  /** Times of the last successes in a row, as many as are wanted; epoch ms, oldest first. */
  readonly successes: number[]
  run: number
  broken: Evidence['broken']
  readonly flagged: Rolling
  readonly pairs: Pair[]
  readonly afterWrite: Rolling
  readonly whileBlocked: Rolling
}

type Pair = Evidence['pairs'][number]

/** Something of an envelope that was asked for again and again. */
interface Often {
  readonly party: string
  /** In full: it is shortened when it is shown, because most are never. */
  readonly what: string
  readonly times: Rolling
}

const WANTED_CALLS = 20
const DAY_MS = 86_400_000
const HOURS = 24
const MAX_PARTIES = 200
const MAX_ENVELOPES = 5_000
const MAX_DOCUMENTS = 5_000
const MAX_READS = 20_000
const MAX_BLOCKS = 2_000
const MAX_PAIRS = 5
const MAX_SHOWN = 5
/** "Try to use five API calls or fewer when creating or updating the envelope" (facts 1.6). */
const MANY_CALLS = 5
const OTHER_BLOCK_MS = 60_000

export function makeGoLive(config: GoLiveConfig, clock: Clock): GoLive {
  const parties = makeStore<Party>(MAX_PARTIES)
  const envelopes = makeStore<Often>(MAX_ENVELOPES)
  const documents = makeStore<Often>(MAX_DOCUMENTS)
  /** When a party's answer of a resource last came; epoch ms. */
  const reads = makeStore<{ readonly atMs: number }>(MAX_READS)
  /** Since when and until when DocuSign blocks a party on an account; epoch ms. */
  const blocks = makeStore<{ readonly sinceMs: number; readonly untilMs: number }>(MAX_BLOCKS)

  function partyOf(call: Call, integration: string | undefined): Party {
    const app = shownAppName(call.app) ?? call.app.label
    const key = integration === undefined ? `app ${app}` : `key ${integration}`
    let party = parties.get(key)
    if (!party) {
      party = {
        key,
        integration,
        app,
        successes: [],
        run: 0,
        broken: undefined,
        flagged: aDay(),
        pairs: [],
        afterWrite: aDay(),
        whileBlocked: aDay(),
      }
      parties.set(key, party)
    }
    party.app = app
    return party
  }

  function succeeded(party: Party, wallMs: number): void {
    party.run++
    if (party.successes.push(wallMs) > WANTED_CALLS) party.successes.shift()
  }

  function spoiled(party: Party, why: NonNullable<Evidence['broken']>): void {
    party.run = 0
    party.successes.length = 0
    party.broken = why
  }

  function polled(party: Party, call: Call, seen: Seen, nowMs: number): void {
    const key = `${party.key} ${call.resource}`
    const before = reads.peek(key)
    const sentMs = seen.atMs + seen.waitMs
    if (seen.poll === 'read_after_write') party.afterWrite.add(1, nowMs)
    if (seen.poll === 'observed') {
      party.flagged.add(1, nowMs)
      const pair: Pair = {
        resource: shortResource(call.resource),
        firstMs: before?.atMs,
        secondMs: sentMs,
        distanceMs: before && Math.max(0, sentMs - before.atMs),
      }
      if (party.pairs.push(pair) > MAX_PAIRS) party.pairs.shift()
    }
    if (isSuccess(seen.status)) reads.set(key, { atMs: clock.wallMs() })
  }

  function refused(party: Party, call: Call, seen: Seen, nowMs: number): void {
    const refusedFor = seen.attempts.find(attempt => attempt.refusedFor !== undefined)?.refusedFor
    if (refusedFor === undefined) return
    const key = `${party.key} ${call.account ?? ''}`
    const wallMs = clock.wallMs()
    const sentMs = seen.atMs + seen.waitMs
    const block = blocks.get(key)
    // Sent off before the first refusal was read, it could not know; held until the block's end, it was no such call.
    if (block && sentMs >= block.sinceMs && sentMs < block.untilMs) return party.whileBlocked.add(1, nowMs)
    const { hourWindowMs, burstWindowMs } = config
    const lastsMs = {
      hour: hourWindowMs - (wallMs % hourWindowMs),
      burst: burstWindowMs,
      other: OTHER_BLOCK_MS,
    }
    blocks.set(key, { sinceMs: wallMs, untilMs: wallMs + lastsMs[refusedFor] })
  }

  function count(store: typeof envelopes, party: Party, what: string, nowMs: number): void {
    const id = `${party.key} ${what}`
    let often = store.get(id)
    if (!often) store.set(id, (often = { party: party.key, what, times: aDay() }))
    often.times.add(1, nowMs)
  }

  function evidenceOf(party: Party, nowMs: number, wallMs: number): Evidence {
    const inDay = party.successes.filter(atMs => atMs > wallMs - DAY_MS).length
    return {
      integration: party.integration,
      app: party.app,
      run: inDay === party.successes.length ? party.run : inDay,
      broken: party.broken && party.broken.atMs > wallMs - DAY_MS ? party.broken : undefined,
      flaggedPolls: party.flagged.sum(nowMs),
      pairs: party.pairs.filter(({ secondMs }) => secondMs > wallMs - DAY_MS),
      readsAfterWrite: party.afterWrite.sum(nowMs),
      callsWhileBlocked: party.whileBlocked.sum(nowMs),
      busyEnvelopes: oftenOf(envelopes.values(), party.key, MANY_CALLS, shortEnvelope, nowMs),
      repeatedDownloads: oftenOf(documents.values(), party.key, 1, shortResource, nowMs),
    }
  }

  return {
    seen(seen) {
      const { call, attempts } = seen
      // What never went up is none of DocuSign's business; who logs in is not counted (facts 3).
      if (!call || attempts.length === 0 || call.service === 'oauth' || isLogin(call.resource)) return
      const nowMs = clock.nowMs()
      const party = partyOf(call, seen.integration)
      if (seen.poll !== undefined) polled(party, call, seen, nowMs)
      refused(party, call, seen, nowMs)
      const { envelope } = call
      if (envelope !== undefined) {
        count(envelopes, party, envelope, nowMs)
        const isDownload = call.method === 'GET' && call.route.endsWith('/documents/{documentId}')
        if (isDownload && isSuccess(seen.status)) count(documents, party, call.resource, nowMs)
      }
      const wallMs = clock.wallMs()
      const failed = attempts.find(({ status }) => !isSuccess(status))
      const { method } = seen
      if (failed)
        spoiled(party, { atMs: wallMs, method, route: call.route, status: failed.status, why: 'failed' })
      // The twenty calls must keep the polling rule, too.
      if (seen.poll === 'observed')
        spoiled(party, { atMs: wallMs, method, route: call.route, status: seen.status, why: 'polled' })
      else if (isSuccess(attempts.at(-1)?.status)) succeeded(party, wallMs)
    },

    report() {
      const [nowMs, wallMs] = [clock.nowMs(), clock.wallMs()]
      const integrations = [...parties.values()].map(party => {
        const evidence = evidenceOf(party, nowMs, wallMs)
        return { ...evidence, ...verdictOf(evidence, config.pollIntervalMs, WANTED_CALLS) }
      })
      return { wantedCalls: WANTED_CALLS, integrations }
    },
  }
}

function aDay(): Rolling {
  return new Rolling(HOURS, DAY_MS / HOURS)
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status <= 399
}

function isLogin(resource: string): boolean {
  return resource.endsWith('/login_information')
}

function shortEnvelope(envelope: string): string {
  return `${envelope.slice(0, 8)}…`
}

function oftenOf(
  all: Iterable<Often>,
  party: string,
  usual: number,
  shown: (what: string) => string,
  nowMs: number,
): Evidence['busyEnvelopes'] {
  const found: { what: string; times: number }[] = []
  for (const often of all) {
    if (often.party !== party) continue
    const times = often.times.sum(nowMs)
    if (times > usual) found.push({ what: shown(often.what), times })
  }
  return found.sort((a, b) => b.times - a.times).slice(0, MAX_SHOWN)
}
