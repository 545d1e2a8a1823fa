/** The short way through the house: of a head that was read before, where a copy still may answer what was read of it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call } from '../base/types.js'
import type { Remembered } from '../shield/recall.js'
import type { Shield } from '../shield/shield.js'
import type { Heads } from './heads.js'
import type { Written } from './respond.js'
import type { SpareNotes } from './spare.js'
import { tape, type Recording } from './tape.js'

export interface ShortWayRooms {
  readonly shield: Pick<Shield, 'glance' | 'integrationOf'>
  record(call: Call): Recording | undefined
  /** Where calls are traced, none goes this way: a trace tells more of a call than is kept of its head. */
  readonly mark: unknown
}

interface ShortWayNotes extends SpareNotes {
  call: Call | undefined
  integration: string | undefined
}

/** @returns `undefined`, and nothing is done, where it has to go the long way */
export function makeShortWay(
  rooms: ShortWayRooms,
  heads: Heads,
  fromCopy: (remembered: Remembered, res: ServerResponse, notes: SpareNotes) => Promise<Written>,
) {
  return function shortWay(
    req: IncomingMessage,
    res: ServerResponse,
    notes: ShortWayNotes,
  ): Promise<Written> | undefined {
    const known = rooms.mark ? undefined : heads.known(req)
    const remembered = known && rooms.shield.glance(known)
    if (!remembered) return undefined
    notes.call = known.call
    notes.integration = rooms.shield.integrationOf(known)
    const recording = rooms.record(known.call)
    if (recording) tape(recording, req, res)
    return fromCopy(remembered, res, notes)
  }
}
