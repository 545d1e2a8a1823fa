/** Whose time is up first. A heap, because waits differ from call to call; each entry knows its own place in it. */
export interface Due {
  readonly deadlineMs: number
  /** Its index in the heap; −1 outside. */
  place: number
}

export class Deadlines<T extends Due> {
  readonly #heap: T[] = []

  get first(): T | undefined {
    return this.#heap[0]
  }

  add(one: T): void {
    this.#rise(one, this.#heap.length)
  }

  /** Only for one that is in it. */
  remove(one: T): void {
    const last = this.#heap.pop() as T
    const { place } = one
    one.place = -1
    if (last === one) return
    if (last.deadlineMs < one.deadlineMs) this.#rise(last, place)
    else this.#sink(last, place)
  }

  #rise(one: T, from: number): void {
    let place = from
    while (place > 0) {
      const over = (place - 1) >> 1
      const parent = this.#heap[over] as T
      if (parent.deadlineMs <= one.deadlineMs) break
      this.#put(parent, place)
      place = over
    }
    this.#put(one, place)
  }

  #sink(one: T, from: number): void {
    let place = from
    for (;;) {
      const left = 2 * place + 1
      const [a, b] = [this.#heap[left], this.#heap[left + 1]]
      const child = b && a && b.deadlineMs < a.deadlineMs ? b : a
      if (!child || child.deadlineMs >= one.deadlineMs) break
      const below = child.place
      this.#put(child, place)
      place = below
    }
    this.#put(one, place)
  }

  #put(one: T, place: number): void {
    this.#heap[place] = one
    one.place = place
  }
}
