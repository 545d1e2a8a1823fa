/** One piece of work at a time; whoever asks while one is under way is served by the next, which is one for all of them. */
export class Rounds {
  readonly #work: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** @param work never rejects */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  ask(): Promise<void> {
    if (this.#running) {
      this.#next ??= this.#running.then(() => {
        this.#next = undefined
        return this.ask()
      })
      return this.#next
    }
    this.#running = this.#work().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }
}
