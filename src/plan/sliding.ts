/** How many there were in the window before now. Exact; holds one number for each of them. */
export class Sliding {
  readonly #windowMs: number
  #times: number[] = []
  #from = 0

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** One more, now. Times never go back. @returns how many there are, this one included */
  add(nowMs: number): number {
    const times = this.#times
    const sinceMs = nowMs - this.#windowMs
    while (this.#from < times.length && (times[this.#from] as number) <= sinceMs) this.#from++
    if (this.#from > 64 && this.#from * 2 > times.length) {
      this.#times = times.slice(this.#from)
      this.#from = 0
    }
    this.#times.push(nowMs)
    return this.#times.length - this.#from
  }
}
