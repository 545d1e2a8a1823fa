import { randomUUID } from 'node:crypto'
import { rememberAtMost } from './bounded.js'

/** What a one-time URL of a view leads to. */
export interface Ticket {
  readonly envelopeId: string | undefined
  readonly returnUrl: string | undefined
  /** Visiting the page signs the envelope. */
  readonly signs: boolean
}

const MOST_TICKETS = 10_000

/** URLs that work once: those of the recipient, sender and edit views. */
export function makeTickets() {
  const tickets = new Map<string, Ticket>()
  return {
    issue(ticket: Ticket): string {
      const id = randomUUID()
      rememberAtMost(tickets, id, ticket, MOST_TICKETS)
      return id
    },
    redeem(id: string): Ticket | undefined {
      const ticket = tickets.get(id)
      tickets.delete(id)
      return ticket
    },
  }
}

export type Tickets = ReturnType<typeof makeTickets>
