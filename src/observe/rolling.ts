/**
 * Counts of the last so many steps of time; the oldest step falls out as a new one begins. Bounded by its making. As long
 * as all it counted fell into one step it is two numbers: most of those that are made, one for every resource that is
 * read, never count in a second one.
 */
export class Rolling {
  readonly #steps: number
  readonly #stepMs: number
  #current = -Infinity
  /** What the current step has, while no other one has anything. */
  #only = 0
  #counts: Uint32Array | undefined

  /** @param steps 1 or more @param stepMs how long each lasts */
  constructor(steps: number, stepMs: number) {
    this.#steps = steps
    this.#stepMs = stepMs
  }

  add(count: number, nowMs: number): void {
    const counts = this.#turn(nowMs)
    if (!counts) {
      this.#only += count
      return
    }
    const at = this.#indexOf(this.#current)
    counts[at] = (counts[at] ?? 0) + count
  }

  /** Oldest first; the last is the step that runs now. */
  values(nowMs: number): number[] {
    const counts = this.#turn(nowMs)
    const first = this.#current - this.#steps + 1
    return Array.from({ length: this.#steps }, (_, i) =>
      counts ? (counts[this.#indexOf(first + i)] ?? 0) : i === this.#steps - 1 ? this.#only : 0,
    )
  }

  sum(nowMs: number): number {
    const counts = this.#turn(nowMs)
    if (!counts) return this.#only
    let sum = 0
    for (const count of counts) sum += count
    return sum
  }

  /** Empties what has fallen out since it was last used. */
  #turn(nowMs: number): Uint32Array | undefined {
    const step = Math.floor(nowMs / this.#stepMs)
    if (step <= this.#current) return this.#counts
    if (!this.#counts && this.#only > 0 && step - this.#current < this.#steps) {
      this.#counts = new Uint32Array(this.#steps)
      this.#counts[this.#indexOf(this.#current)] = this.#only
    }
    this.#only = 0
    if (this.#counts) {
      const gone = Math.min(this.#steps, step - this.#current)
      for (let i = 0; i < gone; i++) this.#counts[this.#indexOf(step - i)] = 0
    }
    this.#current = step
    return this.#counts
  }

  #indexOf(step: number): number {
    return ((step % this.#steps) + this.#steps) % this.#steps
  }
}
