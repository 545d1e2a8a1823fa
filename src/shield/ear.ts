/** Listens in on a body that passes, up to a bound. */
export class Ear {
  readonly #maxBytes: number
  readonly #lines: readonly string[]
  #chunks: Buffer[] = []
  #bytes = 0

  /** @param lines the answer's head, as raw pairs */
  constructor(maxBytes: number, lines: readonly string[]) {
    this.#maxBytes = maxBytes
    this.#lines = lines
  }

  take(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= this.#maxBytes) this.#chunks.push(chunk)
    else this.#chunks = []
  }

  /** `undefined` where it was more than the bound. */
  whole(): Buffer | undefined {
    if (this.#bytes > this.#maxBytes) return undefined
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
  }

  /** The first header of this name, lower case. */
  header(name: string): string | undefined {
    const lines = this.#lines
    for (let i = 0; i < lines.length; i += 2) {
      if (lines[i]?.length === name.length && lines[i]?.toLowerCase() === name) return lines[i + 1]
    }
    return undefined
  }
}
