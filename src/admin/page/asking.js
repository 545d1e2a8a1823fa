/** Talks to the governor: with the token where there is one, to this origin alone. */

const KEPT_AS = 'docusign-governor.token'
/** A browser that keeps nothing for a page keeps it as long as the page is open. */
let token = keptToken()

function keptToken() {
  try {
    return sessionStorage.getItem(KEPT_AS) ?? ''
  } catch {
    return ''
  }
}

export function setToken(text) {
  token = text
  try {
    if (text) sessionStorage.setItem(KEPT_AS, text)
    else sessionStorage.removeItem(KEPT_AS)
  } catch {
    // It is in memory.
  }
}

export const hasToken = () => token !== ''

export function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) }
  return fetch(path, { ...options, headers, cache: 'no-store', credentials: 'omit' })
}

/** Sends JSON. @returns the answer's JSON @throws with the governor's own words where it refuses */
export async function post(path, value) {
  const answer = await ask(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value),
  })
  const told = await answer.json()
  if (!answer.ok) throw new Error(told.message)
  return told
}

/** Calls `take` with each event's data, until the stream ends or `signal` says so. An `EventSource` sends no token. */
export async function listen(path, signal, take) {
  const answer = await ask(path, { signal })
  if (!answer.ok) return answer.status
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return 0
    text += value
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end)
      text = text.slice(end + 2)
      if (event.startsWith('data: ')) take(JSON.parse(event.slice(6)))
    }
  }
}
