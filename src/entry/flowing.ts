/**
 * The body of an answer that more than its own client may want: heard as it flows, hurried where others wait for all of
 * it, and read to its end where they do though its client has left.
 */
import type { Answer } from '../forward/exchange.js'
import type { Flow } from '../shield/flow.js'
import type { Others } from './pass-on.js'

/** What others may wait for. */
interface Shared {
  readonly isWantedByOthers: boolean
  stream: { hurry(): void } | undefined
}

/** A class and no closures, because what each of them sees lives on until the next full collection (measured). */
export class Flowing implements Others {
  readonly #answer: Answer
  readonly #flow: Flow
  readonly #shared: Shared | undefined

  constructor(answer: Answer, flow: Flow, shared: Shared | undefined) {
    this.#answer = answer
    this.#flow = flow
    this.#shared = shared
    if (shared) shared.stream = this
    const end = () => flow.end(answer.isWhole())
    answer.body.on('data', (chunk: Buffer) => flow.take(chunk))
    answer.body.on('end', end).on('close', end)
    // It may have closed before anybody listened, and then says so no more.
    if (answer.body.destroyed) end()
  }

  get isHurried(): boolean {
    return this.#flow.runsAhead
  }

  get isWanted(): boolean {
    return this.#shared?.isWantedByOthers === true
  }

  /** Somebody waits for it, from now: a body that was paused for its own client flows again. */
  hurry(): void {
    if (this.#flow.runsAhead) this.#answer.body.resume()
  }

  /** Its client is served; resolves when its last byte has come, which others may still wait for. */
  async isOver(): Promise<void> {
    const { body } = this.#answer
    if (!body.closed) await new Promise(resolve => body.once('close', resolve))
  }
}
