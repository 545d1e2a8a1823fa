/**
 * What this node tells the pool of one account, and takes from its answers. All that it says of itself is absolute, so a
 * report that was not heard, or heard and not answered, is mended by the next one.
 */
import type { Part, Pool, Report, Told } from '../base/pool.js'
import { Answers, batched } from './answers.js'
import type { Budget } from './budget.js'
import type { Rhythm } from './rhythm.js'
import { Ring } from './ring.js'
import { usualOf } from './standing.js'
import { timesTold } from './told-times.js'

/** How a purse stands when it reports. */
export interface PurseStands {
  readonly inHand: number
  readonly waiting: number
  readonly want: number
  readonly part: Part | undefined
  /** It spends without leave. */
  readonly isAlone: boolean
  /** It does so in the quiet. */
  readonly isEnding: boolean
}

const NOTHING = { inHand: 0, waiting: 0, want: 0, part: undefined }
/** Answers within so small a part of the burst window are told as one. */
const GRAINS_A_WINDOW = 240
/** The times of all nodes' calls are many: they are asked for only while somebody waits, and not oftener. */
const TIMES_MS = 250

export class Voice {
  readonly #budget: () => Budget
  readonly #rhythm: Rhythm
  /** When this node's own calls were answered. */
  readonly own: Ring
  readonly #answers: Answers
  readonly #grainMs: number
  #number = 0
  #generation = ''
  #bringsAll = false
  /** Of the pool, when it was last heard. */
  #epoch = 0
  #total = 0
  #heardTotal = 0
  #heardUnheard = 0
  /** Calls of the other nodes that were answered, as of the last answer; `undefined`: it is not known of which data. */
  #elsewhere: number | undefined
  #timesMs = -Infinity
  /** Under which name it was spoken for until now, and under which it is from now on. */
  #farewell: { readonly tag: string; readonly sameAs: string } | undefined

  constructor(budget: () => Budget, rhythm: Rhythm) {
    this.#budget = budget
    this.#rhythm = rhythm
    const burstMs = budget().config.burst.windowMs
    this.#grainMs = burstMs / GRAINS_A_WINDOW
    this.own = new Ring(burstMs / 1000)
    this.#answers = new Answers(this.#grainMs)
  }

  /** Answers came that nobody has been told of. */
  get owes(): boolean {
    return !this.#answers.isEmpty
  }

  /** Whether the pool has heard us since it came up. */
  isHeard({ epoch }: Pool): boolean {
    return epoch === this.#epoch
  }

  completed(nowMs: number): void {
    this.#total++
    this.#answers.add(nowMs)
    this.own.add(nowMs)
    this.own.forget(nowMs - this.#budget().memoryMs(nowMs))
  }

  report(stands: PurseStands, pool: Pool, nowMs: number): Report {
    const budget = this.#budget()
    const { hour, burst, blockedForMs, unheardEver, hourLimit, burstLimit } = budget.seen(nowMs)
    const answered = this.#bringsAll
      ? batched(this.own.times(), this.#grainMs, nowMs)
      : this.#answers.told(nowMs)
    const isBack = !this.isHeard(pool)
    const wantsTimes = stands.waiting > 0 && nowMs - this.#timesMs > TIMES_MS
    if (wantsTimes) this.#timesMs = nowMs
    return {
      number: ++this.#number,
      generation: this.#generation,
      isBack,
      wasAlone: isBack && stands.isAlone,
      isAlone: stands.isEnding,
      held: budget.inFlight + stands.inHand,
      inHand: stands.inHand,
      waiting: stands.waiting,
      want: stands.want,
      part: stands.part,
      total: this.#total,
      heardTotal: this.#total - answered.reduce((sum, { count }) => sum + count, 0),
      answered,
      bringsAll: this.#bringsAll,
      hour: hour && {
        resetAtSeconds: hour.resetAtSeconds,
        turnsInMs: hour.turnsAtMs - nowMs,
        isSure: hour.isSure,
        answered: this.own.countAfter(hour.startedMs),
        said: said(hour.remaining, hour.heardSentMs, nowMs),
      },
      unheard: unheardEver - this.#heardUnheard,
      burst: burst && said(burst.remaining, burst.sentMs, nowMs),
      hourLimit,
      burstLimit,
      usual: usualOf(budget.config),
      isKnown: budget.isKnown,
      blockedForMs,
      ...this.#rhythm,
      wantsTimes,
      sameAs: undefined,
    }
  }

  /** The account goes by another name from now on. */
  moves(fromTag: string, toName: string): void {
    this.#farewell = { tag: fromTag, sameAs: toName }
  }

  get isMoving(): boolean {
    return this.#farewell !== undefined
  }

  /** Tells where the account was spoken for before where it is now, and that we hold nothing there any more. */
  async leave(pool: Pool, nowMs: number): Promise<void> {
    const farewell = this.#farewell
    if (!farewell) return
    this.#farewell = undefined
    const report = this.report({ ...NOTHING, isAlone: false, isEnding: false }, pool, nowMs)
    // A generation of none is never asked back.
    const gone = { generation: '', held: 0, answered: [], heardTotal: report.total }
    await pool.exchange(farewell.tag, { ...report, ...gone, sameAs: farewell.sameAs })
  }

  /** A report was taken: until then the pool does not know that we were away. */
  reached({ epoch }: Pool): void {
    this.#epoch = epoch
  }

  /** The pool knows other data than we do: the next report says all. */
  unknown(generation: string): void {
    this.#generation = generation
    this.#bringsAll = true
  }

  /** In the quiet the pool knows too little: what we know ourselves stands. */
  heard(told: Told, report: Report, nowMs: number): void {
    const budget = this.#budget()
    this.#answers.heard(report.total - this.#heardTotal)
    this.#heardTotal = report.total
    this.#heardUnheard += report.unheard
    const elsewhere = told.answeredByAll - report.total
    const isSame = this.#generation === told.generation && !this.#bringsAll
    const grown = isSame ? Math.max(0, elsewhere - (this.#elsewhere ?? elsewhere)) : 0
    this.#elsewhere = elsewhere
    this.#generation = told.generation
    this.#bringsAll = false
    if (told.quietMs !== undefined) return budget.heed(told, nowMs)
    budget.adopt(told, grown, nowMs)
    if (told.times) budget.ring.refill(timesTold(told, budget, nowMs))
  }

  /** Another name of the account was spoken for as well. */
  absorb(other: Voice): void {
    this.own.absorb(other.own)
    this.#total += other.#total
    this.unknown('')
  }
}

function said(remaining: number | undefined, sentMs: number | undefined, nowMs: number) {
  if (remaining === undefined) return undefined
  return { remaining, sentAgoMs: sentMs === undefined ? undefined : nowMs - sentMs }
}
