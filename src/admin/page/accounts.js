/** The table of accounts: gauges, the line to the reset, and the waiting room. */
import { byId, keepRows, make, setAttribute, setHidden, setText } from './write.js'
import { sayAccount, sayNumber, saySpan, sayTime } from './say.js'
import { courseOf, projectHour } from './project.js'

const SVG = 'http://www.w3.org/2000/svg'
const WIDE = 132
const HIGH = 30
/** A window with less than this share left is near its end. */
const NEAR = 0.1
const TROUBLE = new Set(['blocked', 'spent', 'waiting', 'tight'])

/** One word for how an account stands; the worst that is true of it. */
export function stateOf(account, project) {
  if (account.blockedSeconds > 0) return 'blocked'
  if (account.hour.remaining === 0) return 'spent'
  if (account.queue.length > 0) return 'waiting'
  if (project?.spentMs !== undefined) return 'tight'
  return account.spent.slice(-5).some(calls => calls > 0) ? 'calling' : 'quiet'
}

/** Fills the table. @returns each account with its projection and its state */
export function showAccounts(snapshot) {
  const atMs = Date.parse(snapshot.at)
  const judged = snapshot.accounts
    .map(account => {
      const project = projectHour(account, atMs, snapshot.hourWindowSeconds)
      return { account, project, state: stateOf(account, project) }
    })
    // By name, because an order by figures would never stand still.
    .sort((a, b) => (a.account.account < b.account.account ? -1 : 1))
  const wanted = byId('find').value.trim().toLowerCase()
  const onlyTrouble = byId('only-trouble').checked
  keepRows(
    byId('account-rows'),
    judged,
    ({ account }) => account.account,
    makeRow,
    (row, one) => {
      const isOut = (onlyTrouble && !TROUBLE.has(one.state)) || !one.account.account.includes(wanted)
      setHidden(row.element, isOut)
      if (!isOut) fillRow(row, one, atMs)
    },
  )
  const troubled = judged.filter(({ state }) => TROUBLE.has(state)).length
  setText(byId('accounts-count'), judged.length > 1 ? `${judged.length}, ${troubled} in trouble` : '')
  setHidden(byId('no-accounts'), judged.length > 0)
  keepRows(
    byId('account-names'),
    judged.slice(0, 50),
    ({ account }) => account.account,
    ({ account }) => ({ element: make('option', { value: account.account }) }),
    () => undefined,
  )
  return judged
}

function makeGauge(name) {
  const [used, left] = [make('span'), make('span', { class: 'quiet' })]
  const fill = make('div', { class: 'fill' })
  const element = make(
    'div',
    { class: `gauge ${name}`, role: 'meter', 'aria-label': `${name} window`, 'aria-valuemin': '0' },
    make('div', { class: 'text' }, used, left),
    make('div', { class: 'track' }, fill),
  )
  return { element, used, left, fill }
}

function makeRow({ account }) {
  const name = make('th', { scope: 'row', title: account.account }, sayAccount(account.account))
  const state = make('span', { class: 'state' })
  const hour = makeGauge('hour')
  const burst = makeGauge('burst')
  const svg = document.createElementNS(SVG, 'svg')
  setAttribute(svg, 'viewBox', `0 0 ${WIDE} ${HIGH}`)
  setAttribute(svg, 'aria-hidden', 'true')
  const [limit, been, will] = ['limit', 'been', 'will'].map(kind => {
    const path = document.createElementNS(SVG, 'path')
    setAttribute(path, 'class', kind)
    svg.append(path)
    return path
  })
  const forecast = make('p')
  const course = make('div', { class: 'course' }, svg, forecast)
  const [others, waiting, oldest] = ['others', 'waiting', 'oldest'].map(kind =>
    make('td', { class: 'n', 'data-name': kind }),
  )
  const cells = [state, hour.element, course, burst.element].map(child => make('td', {}, child))
  const element = make('tr', {}, name, ...cells, others, waiting, oldest)
  return { element, state, hour, burst, limit, been, will, forecast, others, waiting, oldest }
}

function fillRow(row, { account, project, state }, atMs) {
  setAttribute(row.element, 'data-state', state)
  setAttribute(row.element, 'data-queue', account.queue.length > 0 ? '' : undefined)
  const until = account.blockedSeconds > 0 ? ` ${saySpan(account.blockedSeconds)}` : ''
  setText(row.state, state + until)
  fillGauge(row.hour, account.hour)
  fillGauge(row.burst, account.burst)
  const { limit, used } = account.burst
  setAttribute(row.burst.element, 'data-full', limit && used >= limit * (1 - NEAR) ? '' : undefined)
  fillCourse(row, account, project, atMs)
  setText(row.others, sayNumber(account.foreignCalls))
  const { waiting, queue } = account
  const byPriority = waiting && `${waiting.high} / ${waiting.normal} / ${waiting.low}`
  setText(row.waiting, queue.length > 0 && byPriority ? byPriority : sayNumber(queue.length))
  setText(row.oldest, queue.length > 0 ? saySpan(queue.oldestWaitSeconds) : '–')
}

function fillGauge({ element, used, left, fill }, window) {
  const share = window.limit ? Math.min(1, (window.used ?? 0) / window.limit) : 0
  setText(used, `${sayNumber(window.used)} of ${sayNumber(window.limit)}`)
  setText(left, `${sayNumber(window.remaining)} left`)
  setAttribute(element, 'aria-valuemax', String(window.limit ?? 0))
  setAttribute(element, 'aria-valuenow', String(window.used ?? 0))
  setAttribute(element, 'aria-valuetext', `${used.textContent}, ${left.textContent}`)
  const width = `${(share * 100).toFixed(1)}%`
  if (fill.style.width !== width) fill.style.width = width
}

function fillCourse(row, account, project, atMs) {
  setText(row.forecast, forecastOf(project, account, atMs))
  if (!project) {
    for (const path of [row.limit, row.been, row.will]) setAttribute(path, 'd', '')
    return
  }
  const top = 4
  const scale = Math.max(project.limit, Math.min(project.total, project.limit * 1.15), 1)
  const x = ms => (((ms - project.startMs) / project.windowMs) * WIDE).toFixed(1)
  const y = calls => (HIGH - 1 - (Math.min(calls, scale) / scale) * (HIGH - 1 - top)).toFixed(1)
  const line = points => points.map(([ms, calls], i) => `${i ? 'L' : 'M'}${x(ms)} ${y(calls)}`).join('')
  setAttribute(row.limit, 'd', `M0 ${y(project.limit)}L${WIDE} ${y(project.limit)}`)
  setAttribute(row.been, 'd', line(courseOf(project, account.spent, atMs)))
  const ahead = [
    [atMs, project.used],
    [project.resetMs, project.total],
  ]
  setAttribute(row.will, 'd', project.isSpent ? '' : line(ahead))
}

export function forecastOf(project, account, atMs) {
  if (!project) {
    return account.hour.resetAt === null
      ? 'reset not known yet'
      : `resets ${sayTime(Date.parse(account.hour.resetAt))}`
  }
  const reset = `reset ${sayTime(project.resetMs)}, in ${saySpan((project.resetMs - atMs) / 1000)}`
  if (project.isSpent || account.hour.remaining === 0) return `spent; ${reset}`
  if (project.spentMs !== undefined)
    return `spent ${sayTime(project.spentMs)}, in ${saySpan((project.spentMs - atMs) / 1000)}; ${reset}`
  return `lasts: ${sayNumber(Math.round(project.total))} by then; ${reset}`
}
