/**
 * Writes down what is spent, before it is sent. A write for each call would cost a good part of the call, so all that
 * goes in one turn of the event loop is written at once, and a busy account reserves some calls ahead with one line (a
 * lease): after a crash they count as spent, sent or not. A crash may cost an account up to a lease of calls, and never
 * gives it one.
 */
import type { Clock } from '../base/clock.js'
import type { Learned, Ledger, Page } from '../base/ledger.js'
import { LEASE_MS, leaseOf } from './lease.js'
import { restoreAccounts, type Restored } from './restore.js'

/** One account's journal. It holds no more than a few numbers, and one account has one at a time. */
export interface AccountJournal {
  /** A call is to be sent. @param roomLeft calls that may still be sent in the scarcest window */
  spend(nowMs: number, roomLeft: number): void
  /** The answer came, or it failed after it may have arrived: once for each `spend` that was not refunded. */
  completed(): void
  /** The call never left. */
  refunded(): void
  /** DocuSign's word on the hour; `undefined` where there is none to believe. It goes into the next line. */
  heard(remaining: number | undefined, resetAtSeconds: number | undefined): void
  /** All that is known of the account, each time something of it is new. */
  learned(nowMs: number, facts: Facts): void
}

/** What was learned, with the end of a block on the clock of `nowMs`. */
export interface Facts extends Omit<Learned, 'wallMs' | 'blockedUntilWallMs'> {
  readonly blockedUntilMs?: number | undefined
}

export interface Journal {
  /** What earlier runs left. Once, before the first call. */
  restore(): readonly Restored[]
  open(account: string): AccountJournal
  /** Right before a call is sent: what all accounts have spent has been written down when it returns. */
  writeDown(): void
  /** Writes the exact state of every account and ends all leases. Calls may go on after it. */
  flush(): void
  /** `flush`, and no timer any more. The ledger is left open. */
  stop(): void
}

/** How soon a lease that has ended, or an answer that came, is written down where no call does it. */
const FLUSH_MS = 250
/** A flush of more accounts goes on at the next turn, because calls wait meanwhile (some 5 ms). */
const FLUSH_AT_MOST = 1_000
/** With nothing to write, only the wall clock is looked after. */
const IDLE_MS = 5_000
/** A clock that is off by less changes nothing worth a write. */
const SKEW_MS = 1_000

export function makeJournal(ledger: Ledger, clock: Clock): Journal {
  // Lines stand on a scale that a step of the wall clock does not touch.
  const scaleMs = clock.wallMs() - clock.nowMs()
  const unsettled = new Set<PageJournal>()
  /** Those that have spent what no line tells of. */
  let owing: PageJournal[] = []
  let skewMs = 0
  let stopped = false
  let hurried = false
  let timer = clock.after(IDLE_MS, tick)

  function tick(): void {
    if (stopped) return
    const nowMs = clock.nowMs()
    followWallClock(nowMs)
    settle(nowMs, false, FLUSH_AT_MOST)
    hurried = unsettled.size > 0
    timer = clock.after(hurried ? FLUSH_MS : IDLE_MS, tick)
  }

  function settle(nowMs: number, endLease: boolean, atMost: number): void {
    const due = [...unsettled].filter(account => account.isDue(nowMs, endLease)).slice(0, atMost)
    for (const account of due) account.endLease()
    write(due, nowMs)
    for (const account of unsettled) if (account.isSettled()) unsettled.delete(account)
  }

  function write(accounts: readonly PageJournal[], nowMs: number): void {
    if (accounts.length === 0) return
    const isKept = ledger.together(() => accounts.forEach(account => account.write(nowMs)))
    if (!isKept) for (const account of accounts) account.unkept()
  }

  function writeDown(): void {
    if (owing.length === 0) return
    const accounts = owing
    owing = []
    write(accounts, clock.nowMs())
    for (const account of accounts) follow(account)
  }

  function follow(account: PageJournal): void {
    unsettled.add(account)
    if (hurried || stopped) return
    hurried = true
    timer.cancel()
    timer = clock.after(FLUSH_MS, tick)
  }

  function followWallClock(nowMs: number): void {
    const byMs = clock.wallMs() - nowMs - scaleMs
    if (Math.abs(byMs - skewMs) >= SKEW_MS && ledger.skewed(byMs)) skewMs = byMs
  }

  function flush(): void {
    const nowMs = clock.nowMs()
    followWallClock(nowMs)
    writeDown()
    settle(nowMs, true, Infinity)
  }

  const house: House = { scaleMs, owes: account => void owing.push(account) }
  return {
    restore: () => restoreAccounts(ledger.load(), clock.wallMs(), clock.nowMs()),
    open: name => new PageJournal(ledger.open(name), house),
    writeDown,
    flush,
    stop() {
      flush()
      stopped = true
      timer.cancel()
    },
  }
}

interface House {
  /** From nowMs to the scale of the lines. */
  readonly scaleMs: number
  /** Its next line is to be written before anything is sent. */
  owes(account: PageJournal): void
}

/** A class, because every account has one. */
class PageJournal implements AccountJournal {
  readonly #page: Page
  readonly #house: House
  #inFlight = 0
  /** Answers since the last line. */
  #done = 0
  /** Answers that the last line tells of. */
  #told = 0
  /** Calls that the last line reserved and that were not sent yet. */
  #leased = 0
  #leaseEndsMs: number | undefined
  #lease = 1
  #owes = false
  /** What the last line says is out; `undefined` when it could not be kept. */
  #written: number | undefined = 0
  #remaining: number | undefined
  #resetAtSeconds: number | undefined

  constructor(page: Page, house: House) {
    this.#page = page
    this.#house = house
  }

  spend(nowMs: number, roomLeft: number): void {
    this.#inFlight++
    const hasLease = nowMs < (this.#leaseEndsMs ?? -Infinity)
    if (this.#leased > 0 && hasLease) {
      this.#leased--
      return
    }
    this.#lease = leaseOf(this.#lease, hasLease, roomLeft)
    this.#leased = this.#lease - 1
    this.#leaseEndsMs = nowMs + LEASE_MS
    if (this.#owes) return
    this.#owes = true
    this.#house.owes(this)
  }

  completed(): void {
    this.#inFlight--
    this.#done++
  }

  refunded(): void {
    this.#inFlight--
    // Its place in the lease is still reserved.
    this.#leased++
  }

  heard(remaining: number | undefined, resetAtSeconds: number | undefined): void {
    this.#remaining = remaining
    this.#resetAtSeconds = resetAtSeconds
  }

  learned(nowMs: number, { blockedUntilMs, ...facts }: Facts): void {
    const { scaleMs } = this.#house
    const blockedUntilWallMs = blockedUntilMs === undefined ? undefined : scaleMs + blockedUntilMs
    this.#page.learn({ ...facts, blockedUntilWallMs, wallMs: scaleMs + nowMs })
  }

  /** Whether its last line is not its exact state, and no lease says that this is meant so. */
  isDue(nowMs: number, endLease: boolean): boolean {
    const isOver = nowMs >= (this.#leaseEndsMs ?? -Infinity)
    return (endLease || isOver) && (this.#done > 0 || this.#written !== this.#inFlight)
  }

  /** Its next line is its exact state. */
  endLease(): void {
    this.#leased = 0
    this.#leaseEndsMs = undefined
  }

  /** Together with others'; `unkept` is called where none of them was kept. */
  write(nowMs: number): void {
    const pending = this.#inFlight + this.#leased
    const isKept = this.#page.append({
      wallMs: this.#house.scaleMs + nowMs,
      completed: this.#done,
      pending,
      remaining: this.#remaining,
      resetAtSeconds: this.#resetAtSeconds,
    })
    this.#owes = false
    this.#told = isKept ? this.#done : 0
    if (isKept) this.#done = 0
    this.#written = isKept ? pending : undefined
  }

  unkept(): void {
    this.#owes = false
    this.#done += this.#told
    this.#told = 0
    this.#written = undefined
  }

  /** There is nothing left to follow. */
  isSettled(): boolean {
    return this.#inFlight === 0 && this.#done === 0 && this.#written === 0
  }
}
