/** Captures: what is recorded, its ZIP and its end. */
import { byId, keepRows, make, setHidden, setText } from './write.js'
import { sayNumber } from './say.js'
import { ask, post } from './asking.js'

const ofAll = ({ app, account }) => [app ?? 'every app', account ?? 'every account'].join(', ')

export function showCaptures({ captures }) {
  keepRows(byId('captures').querySelector('tbody'), captures, ({ id }) => id, makeRow, fillRow)
  setHidden(byId('captures'), captures.length === 0)
}

function makeRow({ id }) {
  const [what, calls, actions] = [make('td'), make('td', { class: 'n' }), make('td')]
  const [zip, end] = [
    make('button', { type: 'button' }, 'Download'),
    make('button', { type: 'button', class: 'plain' }, 'Delete'),
  ]
  zip.addEventListener('click', () => void download(id))
  end.addEventListener('click', () => void ask(`/captures/${id}`, { method: 'DELETE' }))
  actions.append(zip, end)
  return { element: make('tr', {}, what, calls, actions), what, calls, zip }
}

function fillRow({ what, calls, zip }, capture) {
  setText(what, ofAll(capture) + (capture.bodies ? ', with bodies' : ''))
  const state = capture.state === 'done' ? '' : ` ${capture.state}`
  setText(calls, `${sayNumber(capture.recorded)} of ${sayNumber(capture.requests)}${state}`)
  zip.disabled = capture.recorded === 0
}

/** By a request of ours, because a link could not send the token. */
async function download(id) {
  const answer = await ask(`/captures/${id}.zip`)
  if (!answer.ok) return
  const url = URL.createObjectURL(await answer.blob())
  make('a', { href: url, download: `docusign-calls-${id}.zip` }).click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

export async function startCapture(form) {
  const { app, account, requests, bodies } = form.elements
  const output = form.querySelector('output')
  try {
    const asked = {
      requests: Number(requests.value),
      bodies: bodies.checked,
      ...(app.value.trim() && { app: app.value.trim() }),
      ...(account.value.trim() && { account: account.value.trim() }),
    }
    const told = await post('/captures', asked)
    setText(output, `Recording the next ${sayNumber(told.requests)} calls.`)
  } catch (error) {
    setText(output, error.message)
  }
}
