/**
 * Who stands still gives way. A client that reads its answer or sends its body slowly keeps a connection to DocuSign
 * busy without using it; a few hundred of them would hold all there are, and everybody else would stand behind them. So
 * while somebody waits, the connection of a call that waits for nothing but its own client is counted no longer: the
 * call goes on as it was, its connection ends with it, and another may be opened in its place.
 */
import type { Clock } from '../base/clock.js'

/** A call that a connection carries. */
export interface Carried {
  /** Whether it is its client that it waits for, or its turn among the answers that flow (`entry/pace.ts`), and not DocuSign. */
  readonly isHeldByClient: boolean
  /** Its connection is no longer counted, and is not kept after it. */
  giveWay(): void
}

/** A connection in use: what it carries, and how many bytes have passed on it. */
export interface Busy {
  readonly call: Carried | undefined
  readonly bytes: () => number
  /** Takes it out of those that are counted. */
  readonly park: () => void
}

export interface Street<Connection extends object> {
  /** Whether anybody waits for a connection, or for his place among those of his account. */
  isWanted(): boolean
  /** Those that are counted. */
  inUse(): Iterable<readonly [Connection, Busy]>
  /** How many are no longer counted and not over. */
  parked(): number
}

/** No byte in so long is standing still. Hundreds may come at once, and who waits behind them waits for their turns, too. */
const LOOK_EVERY_MS = 25
/** Each is a connection more at DocuSign's, and one of ours: beyond these, who waits has to wait. */
const MOST_PARKED = 1_000

/** @returns what is to be called whenever somebody begins to wait */
export function makeParking<C extends object>(street: Street<C>, clock: Clock): () => void {
  let isLooking = false
  let before = new Map<C, number>()

  function look(): void {
    isLooking = false
    const now = new Map<C, number>()
    if (street.isWanted()) {
      // A copy, because each that is parked leaves the list.
      for (const [connection, { call, bytes, park }] of [...street.inUse()]) {
        if (call?.isHeldByClient !== true) continue
        const count = bytes()
        if (before.get(connection) !== count) now.set(connection, count)
        else if (street.parked() < MOST_PARKED) {
          park()
          call.giveWay()
        }
      }
      wanted()
    }
    before = now
  }

  function wanted(): void {
    if (isLooking) return
    isLooking = true
    clock.after(LOOK_EVERY_MS, look)
  }

  return wanted
}
