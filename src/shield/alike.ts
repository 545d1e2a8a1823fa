/**
 * Header lines of one answer are mostly those of the one before, but for a date. What is alike is kept once: of a small
 * copy the lines would otherwise be half of what it weighs, in some thirty strings that every full collection walks over.
 */
export class AlikeLines {
  #last: readonly string[] = []

  /** The same lines, made of the strings of the ones before where those say the same. */
  of(lines: readonly string[]): readonly string[] {
    const last = this.#last
    let alike = 0
    const shared = lines.map((text, i) => {
      const before = last[i]
      if (before !== text) return text
      alike++
      return before
    })
    if (alike === lines.length && alike === last.length) return last
    this.#last = shared
    return shared
  }
}
