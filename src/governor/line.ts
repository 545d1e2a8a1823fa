/** What stands in a line holds its own links, so that leaving from the middle needs no search. */
export interface Linked<T> {
  ahead: T | undefined
  behind: T | undefined
}

/** First come, first served; and whoever leaves is gone at once. */
export class Line<T extends Linked<T>> {
  first: T | undefined
  last: T | undefined
  length = 0

  append(one: T): void {
    one.ahead = this.last
    one.behind = undefined
    if (this.last) this.last.behind = one
    else this.first = one
    this.last = one
    this.length++
  }

  /** Only for one that stands in this very line. */
  remove(one: T): void {
    if (one.ahead) one.ahead.behind = one.behind
    else this.first = one.behind
    if (one.behind) one.behind.ahead = one.ahead
    else this.last = one.ahead
    one.ahead = one.behind = undefined
    this.length--
  }
}
