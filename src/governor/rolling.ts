/**
 * How many there were in the last span, in two numbers: this span's, and of the one before it the part that a window of
 * one span still covers. Exact since `begin` for the first span; later off by how unevenly the last one was filled.
 */
export class Rolling {
  #beganMs = 0
  #spanMs = Infinity
  #count = 0
  #before = 0

  /** Counts anew. */
  begin(nowMs: number, spanMs: number): void {
    this.#beganMs = nowMs
    this.#spanMs = spanMs
    this.#count = this.#before = 0
  }

  add(n: number, nowMs: number): void {
    this.#roll(nowMs)
    this.#count += n
  }

  count(nowMs: number): number {
    this.#roll(nowMs)
    const covered = 1 - (nowMs - this.#beganMs) / this.#spanMs
    return Math.max(0, this.#count + this.#before * covered)
  }

  #roll(nowMs: number): void {
    const spans = Math.floor((nowMs - this.#beganMs) / this.#spanMs)
    if (spans < 1) return
    this.#before = spans === 1 ? this.#count : 0
    this.#count = 0
    this.#beganMs += spans * this.#spanMs
  }
}
