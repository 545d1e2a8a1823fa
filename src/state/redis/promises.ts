/**
 * What this node has promised of accounts that it does not use: should Redis be lost, to send nothing of them for a while,
 * not even the one call that would tell it what is left. The place that is kept for that call may then be granted.
 */
import type { Clock } from '../../base/clock.js'
import { makeStore } from '../../base/store.js'
import { makeScript, type RedisConnection } from './connection.js'

/** As many as accounts are remembered. */
const MAX_PROMISES = 50_000

/** KEYS: the account. ARGV: who promises, until when it may be relied on, of the hour and of the burst window. */
const PROMISE = makeScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local field, hour, burst = 'p:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local was_hour, was_burst = string.match(redis.call('HGET', KEYS[1], field) or '0,0', '(%d+),(%d+)')
redis.call('HSET', KEYS[1], field, math.max(hour, was_hour) .. ',' .. math.max(burst, was_burst))
`)

export interface Promises {
  /** We are bound for so long from now. */
  keep(tag: string, forMs: number): void
  /** What was asked of all who have no part of the account is promised. */
  give(words: readonly string[]): void
  untilMs(tag: string): number
}

/** @param keyOf the account's key in Redis */
export function makePromises(
  redis: RedisConnection,
  node: string,
  clock: Clock,
  keyOf: (tag: string, windows: string) => string,
): Promises {
  const kept = makeStore<{ readonly untilMs: number }>(MAX_PROMISES)
  const untilMs = (tag: string) => kept.peek(tag)?.untilMs ?? -Infinity

  function keep(tag: string, forMs: number): void {
    const until = clock.nowMs() + forMs
    if (until > untilMs(tag)) kept.set(tag, { untilMs: until })
  }

  return {
    keep,
    untilMs,
    give([tag = '', windows = '', hour = '0', burst = '0', binds = '0']) {
      // First we are bound, because nobody hears whether it was written down.
      keep(tag, Number(binds))
      redis.eval(PROMISE, [keyOf(tag, windows)], [node, hour, burst]).catch(() => undefined)
    },
  }
}
