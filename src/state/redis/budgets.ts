/** The budgets that several nodes share: reports and their answers, as the script reads and writes them. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import { keyOf } from '../../base/key.js'
import { makeStore } from '../../base/store.js'
import type { Answered, Exchanged, Pool, Report, Summons } from '../../base/pool.js'
import { BUDGET_SCRIPT } from './budget-script.js'
import type { RedisConnection } from './connection.js'
import { makePromises } from './promises.js'
import { makeServerClock } from './server-clock.js'

/** After what could not be believed, nothing is granted for so long: everybody has reported by then. */
const SETTLE_MS = 2_000
const BUS = 'bus'
/** As many as accounts are remembered. */
const MAX_SEEN = 50_000

export interface BudgetsParts {
  readonly clock: Clock
  /** This process; another one after a restart. */
  readonly node: string
  /** A report that is older when it arrives is not waited for any more. */
  readonly lateMs: number
  /** How many governors there are, as last known. */
  readonly nodes: () => number
  /** The others of them, by name. */
  readonly others: () => readonly string[]
}

export function makeBudgets(redis: RedisConnection, parts: BudgetsParts): Pool {
  const { clock, node, lateMs, nodes, others } = parts
  const time = makeServerClock()
  const bus = redis.key(BUS, 'budgets')
  const place = (tag: string, windows: string) => redis.key(tag, 'budget', windows)
  /** Of each account the data that stand there; how often the clock had been set forward when they were seen first, and back when last. */
  const seen = makeStore<{ readonly generation: string; readonly sets: number; setbacks: number }>(MAX_SEEN)
  const promises = makePromises(redis, node, clock, place)

  return {
    // Accounts have two names, and both are what a caller sends.
    tagOf: account => `a-${keyOf(account)}`,
    get isUp() {
      return redis.isUp
    },
    get epoch() {
      return redis.epoch + time.sets
    },
    get nodes() {
      return nodes()
    },
    async exchange(tag, report) {
      const { hourMs, burstMs } = report.usual
      // Other windows have other slots.
      const windows = `${hourMs}-${burstMs}`
      const keys = [place(tag, windows), redis.key(tag, 'slots', windows)]
      const sentMs = clock.nowMs()
      const { sets, setbacks } = time
      const ask = {
        ...written(report, sentMs),
        n: node,
        others: others(),
        tag,
        win: windows,
        bus,
        ...(report.isBack && isOlder(tag, report.generation) && { reset: true }),
        ...(report.wasAlone && wasSetBack(tag) && { setback: true }),
      }
      const text = await redis.eval(BUDGET_SCRIPT, keys, [JSON.stringify(ask)])
      const told = JSON.parse(String(text)) as Reply
      time.learn(told.now, sentMs, clock.nowMs())
      const known = seen.peek(tag)
      if (known?.generation !== told.g) {
        seen.set(tag, { generation: told.g, sets: time.sets, setbacks: known?.setbacks ?? time.setbacks })
      }
      // Its clock was set forward meanwhile: what has left a window by that clock has not left it.
      if (time.sets !== sets) return { kind: 'stale' }
      // It was set back while we were away: whether the others were away as well was judged by it.
      if (report.wasAlone && time.setbacks !== setbacks) return { kind: 'stale' }
      hear(tag)
      if (told.binds) promises.keep(tag, told.binds)
      return read(told)
    },
    boundUntilMs: tag => promises.untilMs(tag),
    onTurn: tell => redis.onChange(tell),
    onSummons(hear) {
      redis.subscribe(bus, message => {
        const [what, ...words] = message.split(' ')
        const [tag = ''] = words
        if (what === 'promise') promises.give(words)
        if (what === 'hand' || what === 'all') hear(what satisfies Summons, tag)
      })
    },
  }

  /** These data are from before the clock was set forward; what has come into their place is not forgotten as well. */
  function isOlder(tag: string, generation: string): boolean {
    const known = seen.peek(tag)
    return known?.generation === generation && known.sets < time.sets
  }

  function hear(tag: string): void {
    const known = seen.peek(tag)
    if (known) known.setbacks = time.setbacks
  }

  /** Since we were last heard. */
  function wasSetBack(tag: string): boolean {
    const known = seen.peek(tag)
    return known !== undefined && known.setbacks < time.setbacks
  }

  function written(report: Report, nowMs: number) {
    const { hour, burst, usual, blockedForMs } = report
    const sentAt = (agoMs: number | undefined) =>
      agoMs === undefined ? undefined : time.earliestMs(nowMs - agoMs)
    return {
      sent: time.earliestMs(nowMs),
      late: lateMs,
      id: randomBytes(8).toString('base64url'),
      q: report.number,
      g: report.generation,
      back: report.isBack || undefined,
      alone: report.isAlone || undefined,
      held: report.held,
      hand: report.inHand,
      wait: report.waiting,
      want: report.want,
      hp: report.part?.hour,
      bp: report.part?.burst,
      total: report.total,
      base: report.heardTotal,
      all: report.bringsAll || undefined,
      c: report.answered.flatMap(({ agoMs, count }) => [Math.max(0, Math.floor(agoMs)), count]),
      hr: hour?.resetAtSeconds,
      hl: hour && Math.ceil(hour.turnsInMs),
      sure: hour?.isSure || undefined,
      h: hour?.answered ?? 0,
      rem: hour?.said?.remaining,
      remat: sentAt(hour?.said?.sentAgoMs),
      unh: report.unheard,
      bt: burst?.remaining,
      btat: sentAt(burst?.sentAgoMs),
      lim: report.hourLimit,
      blim: report.burstLimit,
      cl: usual.hourLimit,
      cb: usual.burstLimit,
      hw: usual.hourMs,
      bw: usual.burstMs,
      mg: usual.margin,
      k: report.isKnown || undefined,
      kh: blockedForMs?.hour,
      kb: blockedForMs?.burst,
      ku: blockedForMs?.unknown,
      lease: report.leaseMs,
      pulse: report.pulseMs,
      was: report.wasAlone || undefined,
      settle: SETTLE_MS,
      keep: Math.ceil(2 * usual.hourMs + usual.burstMs + 10 * report.leaseMs),
      tell: report.wantsTimes || undefined,
      same: report.sameAs,
    }
  }
}

/** What the script answers, in its own short words. */
interface Reply {
  readonly g: string
  readonly now: number
  readonly again?: number
  readonly stale?: number
  readonly grant: number
  readonly retry?: number
  readonly nodes: number
  readonly held: number
  readonly wait: number
  readonly done: number
  readonly used: number
  readonly hp: number
  readonly bp: number
  readonly quiet?: number
  readonly hr?: number
  readonly rem?: number
  readonly unh: number
  readonly foreign: number
  readonly lim?: number
  readonly blim?: number
  readonly fb?: number
  readonly fbu?: number
  readonly k?: number
  readonly kh?: number
  readonly kb?: number
  readonly ku?: number
  readonly slots?: string
  /** It has left, and has promised to send nothing for so long. */
  readonly binds?: number
  readonly same?: string
}

function read(told: Reply): Exchanged {
  if (told.again === 1) return { kind: 'unknown', generation: told.g }
  if (told.stale === 1) return { kind: 'stale' }
  const { hr, fb, fbu } = told
  return {
    kind: 'told',
    generation: told.g,
    granted: told.grant,
    retryMs: told.retry,
    nodes: told.nodes,
    heldElsewhere: told.held,
    waitingElsewhere: told.wait,
    answeredByAll: told.done,
    usedOfHour: told.used,
    part: { hour: told.hp, burst: told.bp },
    quietMs: told.quiet,
    hour:
      hr === undefined
        ? undefined
        : { resetAtSeconds: hr, remaining: told.rem, unheard: told.unh, foreign: told.foreign },
    hourLimit: told.lim,
    burstLimit: told.blim,
    foreignBurst: fb === undefined ? undefined : { calls: fb, forMs: fbu ?? 0 },
    isKnown: told.k === 1,
    blockedForMs: { hour: told.kh, burst: told.kb, unknown: told.ku },
    times: told.slots === undefined ? undefined : timesOf(told.slots),
    sameAs: told.same,
  }
}

/** Ages and counts in turn, in any order. An empty list is an empty object, because Lua has but one word for both. */
function timesOf(text: string): Answered[] {
  const flat = JSON.parse(text) as readonly number[] | Readonly<Record<string, never>>
  if (!Array.isArray(flat)) return []
  const ages = flat as readonly number[]
  const times: Answered[] = []
  for (let i = 0; i + 1 < ages.length; i += 2) times.push({ agoMs: ages[i] ?? 0, count: ages[i + 1] ?? 0 })
  return times.sort((a, b) => b.agoMs - a.agoMs)
}
