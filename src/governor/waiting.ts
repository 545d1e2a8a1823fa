/**
 * Who waits, and who is next. High before normal before low, strictly. Within a priority the apps take turns, one call
 * each; an app that has nobody here loses its turn and comes back behind the others, so being idle earns nothing. Within
 * an app first come, first served. So a greedy app makes only itself wait, and nobody waits for ever within a priority.
 */
import type { Priority } from '../base/types.js'
import { Deadlines, type Due } from './deadlines.js'
import { Line, type Linked } from './line.js'

export type { Priority } from '../base/types.js'

/** From the first to be served to the last. */
export const PRIORITIES = ['high', 'normal', 'low'] as const satisfies readonly Priority[]

/** One that waits. The links are the room's own. */
export interface Seat extends Linked<Seat>, Due {
  readonly app: string
  readonly priority: Priority
  readonly sinceMs: number
  /** `undefined`: it does not wait, or no more. */
  party: Party | undefined
}

/** Those of one app within one priority. */
interface Party extends Linked<Party> {
  readonly app: string
  readonly rank: Rank
  readonly seats: Line<Seat>
}

interface Rank {
  /** The party whose turn it is stands first. */
  readonly turns: Line<Party>
  /** Only of those that wait: bounded by the room's length. */
  readonly parties: Map<string, Party>
  length: number
}

export interface WaitingRoom<S extends Seat> {
  readonly length: number
  lengthOf(priority: Priority): number
  /** When the one came that waits longest. */
  oldestMs(): number | undefined
  insert(seat: S): void
  /** Who is next among those whose app may go. */
  next(mayGo: ((app: string) => boolean) | undefined): S | undefined
  /** It is served: its app has had its turn. */
  serve(seat: S): void
  /** It leaves unserved: its app keeps its turn. */
  remove(seat: S): void
  /** How many go before the `nth` further call of `app` if nobody else comes; `undefined` is an app that is not here. */
  ahead(app: string | undefined, priority: Priority, nth: number): number
  /**
   * Who makes way in a full room for a call of `app`: the last of the greediest app in the lowest priority. Nobody in a
   * higher priority, and nobody whose app would have fewer here than the newcomer's.
   */
  outbid(app: string, priority: Priority): S | undefined
  /** Whose time is up first. */
  firstDue(): S | undefined
}

export function makeWaitingRoom<S extends Seat>(): WaitingRoom<S> {
  const ranks: Record<Priority, Rank> = { high: makeRank(), normal: makeRank(), low: makeRank() }
  const deadlines = new Deadlines<S>()
  let length = 0

  function remove(seat: S): Party {
    const party = seat.party as Party
    const { rank } = party
    deadlines.remove(seat)
    seat.party = undefined
    party.seats.remove(seat)
    rank.length--
    length--
    if (party.seats.length === 0) {
      rank.turns.remove(party)
      rank.parties.delete(party.app)
    }
    return party
  }

  return {
    get length() {
      return length
    },
    lengthOf: priority => ranks[priority].length,

    oldestMs() {
      let oldest: number | undefined
      for (const priority of PRIORITIES) {
        for (let party = ranks[priority].turns.first; party; party = party.behind) {
          const since = party.seats.first?.sinceMs
          if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since
        }
      }
      return oldest
    },

    insert(seat) {
      const rank = ranks[seat.priority]
      let party = rank.parties.get(seat.app)
      if (!party) {
        party = { app: seat.app, rank, seats: new Line(), ahead: undefined, behind: undefined }
        rank.parties.set(seat.app, party)
        rank.turns.append(party)
      }
      seat.party = party
      party.seats.append(seat)
      deadlines.add(seat)
      rank.length++
      length++
    },

    next(mayGo) {
      for (const priority of PRIORITIES) {
        for (let party = ranks[priority].turns.first; party; party = party.behind) {
          if (mayGo === undefined || mayGo(party.app)) return party.seats.first as S
        }
      }
      return undefined
    },

    serve(seat) {
      const { rank, seats } = remove(seat)
      const party = rank.parties.get(seat.app)
      if (seats.length === 0 || !party) return
      rank.turns.remove(party)
      rank.turns.append(party)
    },

    remove: seat => void remove(seat),

    ahead(app, priority, nth) {
      let ahead = 0
      for (const higher of PRIORITIES) {
        if (higher === priority) break
        ahead += ranks[higher].length
      }
      const { parties, turns } = ranks[priority]
      const own = app === undefined ? 0 : (parties.get(app)?.seats.length ?? 0)
      // The call goes in its app's turn number `own + nth`; those whose turn is sooner have had as many, others one less.
      let before = own + nth
      for (let party = turns.first; party; party = party.behind) {
        if (party.app === app) before--
        else ahead += Math.min(party.seats.length, before)
      }
      return ahead + own + nth - 1
    },

    outbid(app, priority) {
      for (const lower of PRIORITIES.toReversed()) {
        const { parties, turns } = ranks[lower]
        // In a lower priority anybody makes way; in the newcomer's own only whoever has two more than it has.
        let most = lower === priority ? (parties.get(app)?.seats.length ?? 0) + 1 : 0
        let greediest: Party | undefined
        for (let party = turns.first; party; party = party.behind) {
          if (party.seats.length <= most) continue
          most = party.seats.length
          greediest = party
        }
        if (greediest) return greediest.seats.last as S
        if (lower === priority) return undefined
      }
      return undefined
    },

    firstDue: () => deadlines.first,
  }
}

function makeRank(): Rank {
  return { turns: new Line(), parties: new Map(), length: 0 }
}
