/** The tables beside the accounts, and the five answers at the top. */
import { byId, cellsRow, keepRows, make, setAttribute, setHidden, setText } from './write.js'
import { sayAccount, sayCount, sayNumber, sayRoute, sayShare, saySpan, sayTime } from './say.js'
import { OUTCOMES } from './chart.js'

const sum = numbers => numbers.reduce((total, number) => total + number, 0)
const body = id => byId(id).querySelector('tbody')

function answer(id, state, big, note) {
  const box = byId(id)
  setAttribute(box, 'data-state', state)
  setText(box.querySelector('.big'), big)
  setText(box.querySelector('.note'), note)
}

/** Can we call, until when, who spends it, what was saved, who is hurt? */
export function showAnswers(snapshot, judged) {
  const { lastHour } = snapshot
  const of = state => judged.filter(one => one.state === state)
  const stopped = [...of('blocked'), ...of('spent')]
  const cutOff = snapshot.blockedHosts.length > 0
  const names = list =>
    list
      .slice(0, 2)
      .map(({ account }) => sayAccount(account.account))
      .join(', ')
  const more = list => (list.length > 2 ? ` and ${list.length - 2} more` : '')
  const known = judged.filter(({ account }) => account.hour.limit)
  const tightest = least(known, ({ account }) => account.hour.remaining / account.hour.limit)
  const left = tightest
    ? `${sayAccount(tightest.account.account)} has ${sayNumber(tightest.account.hour.remaining)} of ${sayNumber(tightest.account.hour.limit)} left`
    : 'no account has been called for yet'
  if (cutOff) answer('can', 'bad', 'No', 'DocuSign has cut a host off (444)')
  else if (stopped.length === 0) answer('can', 'good', 'Yes', judged.length > 1 ? `tightest: ${left}` : left)
  else if (stopped.length === judged.length)
    answer('can', 'bad', 'No', `${names(stopped)}${more(stopped)}: ${whyOf(stopped)}`)
  else
    answer(
      'can',
      'bad',
      `Not ${stopped.length} of ${judged.length}`,
      `${names(stopped)}${more(stopped)}: ${whyOf(stopped)}`,
    )

  const soonest = least(
    of('tight').concat(of('waiting').filter(one => one.project?.spentMs)),
    one => one.project.spentMs,
  )
  const atMs = Date.parse(snapshot.at)
  const firstReset = least(
    judged.filter(one => one.project),
    one => one.project.resetMs,
  )
  const reset = firstReset
    ? `the hour turns at ${sayTime(firstReset.project.resetMs)}, in ${saySpan((firstReset.project.resetMs - atMs) / 1000)}`
    : 'no reset is known yet'
  if (stopped.length > 0 && firstReset)
    answer('until', 'bad', `From ${sayTime(resumeOf(stopped, atMs))}`, reset)
  else if (soonest)
    answer(
      'until',
      'warn',
      sayTime(soonest.project.spentMs),
      `${sayAccount(soonest.account.account)} is then spent, in ${saySpan((soonest.project.spentMs - atMs) / 1000)}; ${reset}`,
    )
  else answer('until', firstReset ? 'good' : undefined, firstReset ? 'All hour' : '–', reset)

  const sent = sum(lastHour.apps.map(app => app.sent))
  const others = sum(judged.map(({ account }) => account.foreignCalls ?? 0))
  const [top] = lastHour.apps
  const theirs = others > 0 ? `others: ${sayNumber(others)} this hour` : 'nobody else, as far as headers tell'
  if (top && sent > 0)
    answer(
      'who',
      undefined,
      `${top.name} ${sayShare(top.sent, sent)}`,
      `of ${sayCount(sent, 'call')} sent in the last hour; ${theirs}`,
    )
  else answer('who', undefined, '–', theirs)

  const saved = sum(Object.values(lastHour.saved))
  const asked = sum(OUTCOMES.map(name => sum(lastHour.outcomes[name])))
  answer(
    'saved',
    undefined,
    sayCount(saved, 'call'),
    saved > 0 ? `${sayShare(saved, asked)} of what apps asked in the last hour` : 'in the last hour',
  )

  const held = sum(judged.map(({ account }) => account.queue.length ?? 0))
  const oldest = Math.max(0, ...judged.map(({ account }) => account.queue.oldestWaitSeconds ?? 0))
  const refused = sum(lastHour.outcomes.refused)
  const failed = sum(lastHour.outcomes.failed)
  const waits = held > 0 ? `oldest waits ${saySpan(oldest)}; ` : ''
  const state = lastHour.throttled > 0 ? 'bad' : held + refused + failed > 0 ? 'warn' : 'good'
  const big =
    held > 0
      ? `${sayCount(held, 'call')} held`
      : refused + failed > 0
        ? `${sayNumber(refused + failed)} refused`
        : 'Nobody'
  answer(
    'hurt',
    state,
    big,
    `${waits}${sayNumber(refused)} refused, ${sayNumber(failed)} failed, ${sayNumber(lastHour.throttled)} refused by DocuSign in the last hour`,
  )
}

function least(list, valueOf) {
  return list.reduce(
    (best, one) => (best === undefined || valueOf(one) < valueOf(best) ? one : best),
    undefined,
  )
}

function whyOf(stopped) {
  return stopped.some(({ state }) => state === 'blocked') ? 'blocked by DocuSign' : 'the hour is spent'
}

/** When the first of those that are stopped may go on. */
function resumeOf(stopped, atMs) {
  return Math.min(
    ...stopped.map(({ account, project }) =>
      account.blockedSeconds > 0 ? atMs + account.blockedSeconds * 1000 : (project?.resetMs ?? Infinity),
    ),
  )
}

export function showBlocks({ blockedHosts }) {
  const text = blockedHosts.map(
    ({ host, seconds }) => `DocuSign has cut off ${host} (444): nothing goes there for ${saySpan(seconds)}.`,
  )
  setHidden(byId('blocks'), text.length === 0)
  setText(byId('blocks'), text.join(' '))
}

/** Nobody else is told of where this governor shares with nobody. */
export function showNodes({ nodes, at }) {
  setHidden(byId('nodes-section'), nodes.length === 0)
  keepRows(
    body('nodes'),
    nodes,
    ({ id }) => id,
    () => cellsRow(['', '', 'n', 'n', 'n']),
    (row, { id, version, inHand, waiting, at: heard }) => {
      const silent = Math.max(0, (Date.parse(at) - Date.parse(heard)) / 1000)
      fill(row, [
        id,
        version,
        sayNumber(inHand),
        sayNumber(waiting),
        silent < 5 ? 'now' : `${saySpan(silent)} ago`,
      ])
    },
  )
}

const SAVED = {
  terminal: 'by a copy of what has reached its end',
  poll: 'by a copy inside the poll interval',
  coalesce: 'by a twin in flight',
}

export function showFigures({ lastHour, cache, saved }) {
  const rows = [
    { group: 'Calls saved' },
    ...Object.entries(SAVED).map(([by, name]) => ({ name, value: lastHour.saved[by] })),
    { name: 'since the start', value: saved.remembered + saved.coalesced },
    { name: 'copies kept', value: cache.entries },
    { group: 'Answers of ours, by reason' },
    ...lastHour.refusals.map(({ reason, calls }) => ({ name: reason, value: calls })),
    ...(lastHour.refusals.length === 0 ? [{ name: 'none', value: 0 }] : []),
    { group: 'Refused by DocuSign' },
    { name: 'for a limit', value: lastHour.throttled },
  ]
  keepRows(
    body('figures'),
    rows,
    row => row.group ?? row.name,
    row => {
      if (row.group)
        return { element: make('tr', { class: 'group' }, make('th', { colspan: '2' }, row.group)) }
      const value = make('td', { class: 'n' })
      return { element: make('tr', {}, make('th', { scope: 'row' }, row.name), value), value }
    },
    (row, { value }) => row.value && setText(row.value, sayNumber(value)),
  )
}

function fill({ cells }, texts) {
  texts.forEach((text, i) => setText(cells[i], text))
}

export function showSpenders(id, spenders) {
  keepRows(
    body(id),
    spenders,
    ({ name }) => name,
    () => cellsRow(['', 'n', 'n', 'n']),
    (row, { name, sent, saved, refused }) =>
      fill(row, [sayRoute(name), ...[sent, saved, refused].map(sayNumber)]),
  )
}

export function showPolled({ lastHour }) {
  keepRows(
    body('polled'),
    lastHour.polled,
    ({ resource, app }) => `${app} ${resource}`,
    () => cellsRow(['', '', 'n', 'n', 'n']),
    (row, { resource, app, polls, sent, flagged }) => {
      fill(row, [resource, app, ...[polls, sent, flagged].map(sayNumber)])
      setAttribute(row.cells[4], 'class', flagged > 0 ? 'n bad' : 'n')
    },
  )
}

export function showGoLive({ wantedCalls, integrations }) {
  keepRows(
    body('golive'),
    integrations,
    ({ integration, app }) => integration ?? `app ${app}`,
    () => {
      const row = cellsRow(['', 'n', ''])
      const [first, rest] = [make('p'), make('ul')]
      const more = make('details', {}, make('summary', {}, 'more'), rest)
      row.cells[2].append(first, more)
      return { ...row, first, rest, more }
    },
    ({ cells, first, rest, more }, one) => {
      setText(cells[0], one.integration ? `${one.app} (key ${one.integration})` : one.app)
      setText(cells[1], `${Math.min(one.run, wantedCalls)} of ${wantedCalls}`)
      setAttribute(cells[2], 'data-state', one.ready ? 'good' : 'warn')
      const [must, ...others] = [...(one.ready ? ['ready'] : []), ...one.mustChange, ...one.couldChange]
      setText(first, must)
      setHidden(more, others.length === 0)
      keepRows(
        rest,
        others,
        text => text,
        text => ({ element: make('li', {}, text) }),
        () => undefined,
      )
    },
  )
  setHidden(byId('no-golive'), integrations.length > 0)
}

export function showHints({ hints }) {
  keepRows(
    byId('hints'),
    hints,
    ({ hint, app }) => `${hint} ${app}`,
    () => {
      const [what, meaning] = [make('b'), make('span')]
      return { element: make('li', {}, what, ' ', meaning), what, meaning }
    },
    ({ what, meaning }, one) => {
      const last = sayTime(Date.parse(one.lastAt))
      setText(
        what,
        `${one.hint}, ${one.app}, ${one.calls === 1 ? 'once' : `${sayNumber(one.calls)} times`}, last ${last}.`,
      )
      setText(meaning, one.meaning)
    },
  )
  setHidden(byId('no-hints'), hints.length > 0)
}
