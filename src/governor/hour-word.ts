/** DocuSign's word on what is left of one account's hour, and what has been sent since of which it says nothing. */
export class HourWord {
  #remaining: number | undefined
  #sentMs: number | undefined
  #unheard = 0
  #unheardAtMs: number | undefined
  #unheardEver = 0

  /** The least that it has said is left of the hour. */
  get remaining(): number | undefined {
    return this.#remaining
  }

  /** When the call was sent that heard so; `undefined`: another node's. */
  get sentMs(): number | undefined {
    return this.#sentMs
  }

  /** Calls that may have arrived since, of which no header tells. */
  get unheard(): number {
    return this.#unheard
  }

  /** Of all hours; only its growth means something. */
  get unheardEver(): number {
    return this.#unheardEver
  }

  /** Another hour has begun. */
  forget(): void {
    this.#remaining = this.#sentMs = undefined
    this.#unheard = 0
  }

  missed(nowMs: number): void {
    this.#unheardEver++
    this.#unheard++
    this.#unheardAtMs = nowMs
  }

  /** A call that was sent then was told so. */
  told(remaining: number, sentMs: number): void {
    if (this.#remaining !== undefined && remaining > this.#remaining) return
    this.#remaining = remaining
    this.#sentMs = sentMs
    // Whatever was sent after the last of them had ended was counted after it.
    if (sentMs >= (this.#unheardAtMs ?? -Infinity)) this.#unheard = 0
  }

  /** What all nodes know, or an earlier process knew. */
  adopt(remaining: number | undefined, unheard: number): void {
    if (remaining === undefined || remaining > (this.#remaining ?? Infinity)) return
    if (remaining !== this.#remaining) this.#sentMs = undefined
    this.#remaining = remaining
    this.#unheard = unheard
  }

  /** DocuSign says that nothing is left, whatever else it says. */
  spent(): void {
    this.#remaining = 0
  }

  /** Another name of the same account heard this. @param isSameHour as ours */
  absorb(other: HourWord, isSameHour: boolean): void {
    this.#unheard += other.#unheard
    const [atMs, otherMs] = [this.#unheardAtMs, other.#unheardAtMs]
    this.#unheardAtMs = Math.max(atMs ?? -Infinity, otherMs ?? -Infinity)
    if (!isSameHour) return
    const left = Math.min(this.#remaining ?? Infinity, other.#remaining ?? Infinity)
    this.#remaining = left === Infinity ? undefined : left
  }
}
