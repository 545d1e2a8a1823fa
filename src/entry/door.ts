/** The door of the traffic port: messages of DocuSign Connect are for us, and everything else goes along the corridor. */
import type { Connect } from '../connect/connect.js'
import type { Corridor } from './corridor.js'
import { framingFault } from './receive.js'

/** @param corridor asked for every request: a reload changes it between two */
export function makeDoor(connect: Pick<Connect, 'isFor' | 'receive'>, corridor: () => Corridor): Corridor {
  return (req, res, closing) =>
    // What is no sound message is the corridor's to refuse, wherever it wants to go.
    connect.isFor(req) && !framingFault(req) ? connect.receive(req, res) : corridor()(req, res, closing)
}
