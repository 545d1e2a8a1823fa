import type { Answer } from './answer.js'
import { EMPTY, html } from './answer.js'
import type { House } from './house.js'
import { isTerminal } from './life.js'

/**
 * The page behind a view's URL, where a person would sign: opening it signs at once and leads back to the app, as the
 * embedded signing does. `?event=decline` declines, `?event=cancel` only goes back.
 */
export function answerSigning(house: House, path: string, query: string): Answer {
  const { envelopes, tickets } = house.world()
  const ticket = tickets.redeem(path.split('/')[2] ?? '')
  if (!ticket) return html(404, 'This link has expired')
  const wanted = new URLSearchParams(query).get('event')
  const event = wanted === 'decline' || wanted === 'cancel' ? wanted : 'signing_complete'
  const envelope = ticket.envelopeId === undefined ? undefined : envelopes.get(ticket.envelopeId)
  const isOpen = envelope && !isTerminal(envelopes.lifeOf(envelope).status)
  if (isOpen && ticket.signs && event !== 'cancel') {
    const status = event === 'decline' ? 'declined' : 'completed'
    envelope.turn = { status, atMs: house.pace.wallMs() }
  }
  if (ticket.returnUrl === undefined || !URL.canParse(ticket.returnUrl)) return html(200, 'Done')
  const back = new URL(ticket.returnUrl)
  if (ticket.signs) back.searchParams.set('event', event)
  return { status: 302, headers: { Location: back.href }, body: EMPTY }
}
