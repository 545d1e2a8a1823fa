/** The calls that a node may send without asking: granted with a lease, after which what is left of them counts as spent. */
export class Hand {
  #calls = 0
  #leaseEndsMs = -Infinity
  #refillBelow = 0

  count(nowMs: number): number {
    // What our stalled process did not report in time counts as spent.
    if (this.#calls > 0 && !this.isLeased(nowMs)) this.#calls = 0
    return this.#calls
  }

  /** Whether what the pool said last is to be believed. */
  isLeased(nowMs: number): boolean {
    return nowMs < this.#leaseEndsMs
  }

  /** More should be asked for before it is empty. */
  get isLow(): boolean {
    return this.#calls < this.#refillBelow
  }

  granted(calls: number, leaseEndsMs: number): void {
    this.#calls += calls
    this.#leaseEndsMs = leaseEndsMs
    this.#refillBelow = Math.floor(this.#calls / 2)
  }

  spend(nowMs: number): void {
    if (this.count(nowMs) > 0) this.#calls--
  }

  refund(nowMs: number): void {
    if (this.isLeased(nowMs)) this.#calls++
  }

  giveBack(): void {
    this.#calls = 0
  }
}
