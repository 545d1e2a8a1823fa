/** The page: opens the stream, shows what it tells, and keeps saying how old that is. */
import { byId, setAttribute, setHidden, setText } from './write.js'
import { saySecond, saySpan, sayNumber, sayTime } from './say.js'
import { showAccounts } from './accounts.js'
import { redrawOutcomes, showOutcomes } from './chart.js'
import {
  showAnswers,
  showBlocks,
  showNodes,
  showFigures,
  showGoLive,
  showHints,
  showPolled,
  showSpenders,
} from './tables.js'
import { showCaptures, startCapture } from './captures.js'
import { ask, hasToken, listen, post, setToken } from './asking.js'

const STALE_MS = 4000
const MAX_PAUSE_MS = 10_000

let latest
let latestMs = 0
let listening

function show(snapshot) {
  latest = snapshot
  latestMs = performance.now()
  setText(byId('version'), snapshot.version)
  setText(byId('mode'), 'observing only: nothing is held or refused')
  setHidden(byId('mode'), snapshot.mode !== 'observe')
  setText(byId('clock'), `${saySecond(Date.parse(snapshot.at))} · up ${saySpan(snapshot.uptimeSeconds)}`)
  setHidden(byId('gate'), true)
  setHidden(byId('main'), false)
  setHidden(byId('forget'), !hasToken())
  const judged = showAccounts(snapshot)
  showAnswers(snapshot, judged)
  showBlocks(snapshot)
  showNodes(snapshot)
  showOutcomes(snapshot)
  showFigures(snapshot)
  showSpenders('apps', snapshot.lastHour.apps)
  showSpenders('routes', snapshot.lastHour.routes)
  showPolled(snapshot)
  showCaptures(snapshot)
  showHints(snapshot)
  void askGoLive()
}

function sayLink(state, text) {
  setAttribute(byId('link'), 'data-state', state)
  setText(byId('link-text'), text)
}

function openGate(fault) {
  setHidden(byId('main'), true)
  setHidden(byId('forget'), true)
  setHidden(byId('gate'), false)
  setText(byId('gate-fault'), fault)
  sayLink('wait', 'waiting for a token')
  byId('token').focus()
}

/** Listens until it is told to end; a stream that breaks off is opened again, ever more slowly. */
async function follow() {
  listening?.abort()
  const own = (listening = new AbortController())
  let pauseMs = 500
  while (!own.signal.aborted) {
    let status = 0
    try {
      status = await listen('/events', own.signal, snapshot => {
        pauseMs = 500
        sayLink('live', 'live')
        show(snapshot)
      })
    } catch {
      // The network's own words say no more than that it is gone.
    }
    if (own.signal.aborted) return
    if (status === 401) return openGate(hasToken() ? 'The governor does not know this token.' : '')
    sayLink('lost', status === 503 ? 'too many are watching; trying again' : 'connection lost; trying again')
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
  }
}

const GOLIVE_MS = 10_000
let goLiveAtMs = -Infinity

/** A review looks at a day, so its evidence need not come every second. */
async function askGoLive() {
  if (performance.now() - goLiveAtMs < GOLIVE_MS) return
  goLiveAtMs = performance.now()
  try {
    const answer = await ask('/golive')
    if (answer.ok) showGoLive(await answer.json())
  } catch {
    // The stream says that the connection is gone.
  }
}

setInterval(() => {
  const ageMs = performance.now() - latestMs
  const isStale = latest !== undefined && ageMs > STALE_MS
  byId('main').classList.toggle('stale', isStale)
  if (isStale) sayLink('lost', `figures are ${saySpan(ageMs / 1000)} old`)
}, 1000)

// Nobody looks at a hidden tab, so the governor need not write for it.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) listening?.abort()
  else if (byId('gate').hidden) void follow()
})
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  redrawOutcomes()
  if (latest) showOutcomes(latest)
})
window.addEventListener('resize', () => latest && showOutcomes(latest))
for (const id of ['find', 'only-trouble'])
  byId(id).addEventListener('input', () => latest && showAccounts(latest))

byId('gate').addEventListener('submit', event => {
  event.preventDefault()
  setToken(byId('token').value)
  byId('token').value = ''
  void follow()
})
byId('forget').addEventListener('click', () => {
  listening?.abort()
  setToken('')
  latest = undefined
  openGate('')
})
byId('capture').addEventListener('submit', event => {
  event.preventDefault()
  void startCapture(event.target)
})
byId('quote').addEventListener('submit', async event => {
  event.preventDefault()
  const form = event.target
  const output = form.querySelector('output')
  const { account, calls, priority } = form.elements
  try {
    const told = await post('/quote', {
      account: account.value.trim(),
      calls: Number(calls.value),
      priority: priority.value,
    })
    const [start, finish] = [told.startAt, told.finishAt].map(text => Date.parse(text))
    const begins = start - Date.parse(latest.at) > 2000 ? `from ${sayTime(start)}` : 'from now'
    setText(
      output,
      `${begins} until ${sayTime(finish)}, ${saySpan(told.seconds)}; ${sayNumber(told.remaining)} left this hour`,
    )
  } catch (error) {
    setText(output, error.message)
  }
})

void follow()
