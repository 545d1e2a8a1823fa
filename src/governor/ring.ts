/**
 * The places of one account's answered calls: when each answer came, oldest first. One list serves every window,
 * because a window only asks how many of them are younger than its own length. A ring that grows with use; classes
 * here and in the budget, because an account must cost little: there may be tens of thousands.
 */
/** Eight times stand within their array; more need a store of their own, which costs as much again. */
const FIRST_CAPACITY = 8
/** Above so many entries, answers that came within a grain of each other share one: memory stays bounded. */
const EXACT_ENTRIES = 8192
const NO_TIMES = new Float64Array(0)

export class Ring {
  #times = NO_TIMES
  /**
   * How many answers have come up to and with this entry, in all; wraps around at 2^32, as differences do. Only where
   * entries were merged: before that, their places tell it.
   */
  #totals: Uint32Array | undefined
  // Entries head ≤ i < tail live at i & (capacity - 1).
  #head = 0
  #tail = 0
  #total = 0
  #forgotten = 0
  readonly #grainMs: number

  /** @param grainMs how much longer than needed a place may be held on an account of more than 8,192 of them */
  constructor(grainMs: number) {
    this.#grainMs = grainMs
  }

  get size(): number {
    return (this.#total - this.#forgotten) >>> 0
  }

  /** An answer came now. Times never go back. */
  add(nowMs: number): void {
    const entries = this.#tail - this.#head
    this.#total = (this.#total + 1) >>> 0
    // The last entry moves with what it takes in, until a grain after the one before it.
    const isMerged = entries > EXACT_ENTRIES && nowMs - this.#timeAt(this.#tail - 2) < this.#grainMs
    if (isMerged) {
      this.#totals ??= this.#counted(entries)
      this.#tail--
    } else if (entries === this.#times.length) this.#resize(Math.max(FIRST_CAPACITY, entries * 2))
    const slot = this.#tail & (this.#times.length - 1)
    this.#times[slot] = nowMs
    if (this.#totals) this.#totals[slot] = this.#total
    this.#tail++
  }

  /** How many came after `sinceMs`. */
  countAfter(sinceMs: number): number {
    let low = this.#head
    let high = this.#tail
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timeAt(middle) <= sinceMs) low = middle + 1
      else high = middle
    }
    if (low === this.#tail) return 0
    return low === this.#head ? this.size : (this.#total - this.#totalAt(low - 1)) >>> 0
  }

  /** When the answer came that `younger` others have followed; `younger` is less than `size`. */
  timeOf(younger: number): number {
    const wanted = (this.#total - younger) >>> 0
    let low = this.#head
    let high = this.#tail - 1
    // The first entry whose total has reached it. The difference is signed, for totals wrap around.
    while (low < high) {
      const middle = (low + high) >>> 1
      if (((this.#totalAt(middle) - wanted) | 0) < 0) low = middle + 1
      else high = middle
    }
    return this.#timeAt(low)
  }

  /** Whatever came at `beforeMs` or earlier is of no interest any more. */
  forget(beforeMs: number): void {
    while (this.#head < this.#tail && this.#timeAt(this.#head) <= beforeMs) {
      this.#forgotten = this.#totalAt(this.#head++)
    }
    const entries = this.#tail - this.#head
    const capacity = this.#times.length
    if (entries === 0) {
      this.#times = NO_TIMES
      this.#totals = undefined
    } else if (capacity > FIRST_CAPACITY && entries < capacity / 4) this.#resize(capacity / 2)
  }

  /** Takes in what another list has kept. */
  absorb(other: Ring): void {
    this.refill([...this.times(), ...other.times()].sort((a, b) => a - b))
  }

  /** These, oldest first, and no others. */
  refill(times: readonly number[]): void {
    this.forget(Infinity)
    for (const atMs of times) this.add(atMs)
  }

  /** Every time that is kept, oldest first. */
  times(): number[] {
    const all: number[] = []
    let before = this.#forgotten
    for (let i = this.#head; i < this.#tail; i++) {
      for (; before !== this.#totalAt(i); before = (before + 1) >>> 0) all.push(this.#timeAt(i))
    }
    return all
  }

  #timeAt(i: number): number {
    return this.#times[i & (this.#times.length - 1)] as number
  }

  #totalAt(i: number): number {
    if (this.#totals) return this.#totals[i & (this.#times.length - 1)] as number
    return (this.#total - (this.#tail - 1 - i)) >>> 0
  }

  /** The totals of entries of which none has been merged, the answer that just came left out. */
  #counted(entries: number): Uint32Array {
    const totals = new Uint32Array(this.#times.length)
    for (let younger = 0; younger < entries; younger++) {
      totals[(this.#tail - 1 - younger) & (totals.length - 1)] = this.#total - 1 - younger
    }
    return totals
  }

  #resize(capacity: number): void {
    const times = new Float64Array(capacity)
    const totals = this.#totals && new Uint32Array(capacity)
    for (let i = this.#head; i < this.#tail; i++) {
      times[i & (capacity - 1)] = this.#timeAt(i)
      if (totals) totals[i & (capacity - 1)] = this.#totalAt(i)
    }
    this.#times = times
    this.#totals = totals
  }
}
