/* global uPlot */
/** Outcomes over the last hour, stacked. */
import { byId, keepRows, make, setAttribute, setText } from './write.js'
import { sayNumber } from './say.js'

/** From the ground up: what went as it should, then what did not. */
export const OUTCOMES = ['forwarded', 'coalesced', 'remembered', 'refused', 'failed']
/** Steps of the snapshot that make one of the chart's: its minute. */
const JOINED = 6

let plot
let drawnMinute

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

export function showOutcomes(snapshot) {
  const { outcomes } = snapshot.lastHour
  const sums = OUTCOMES.map(name => outcomes[name].reduce((total, calls) => total + calls, 0))
  keepRows(
    byId('legend'),
    OUTCOMES,
    name => name,
    name => {
      const text = make('span')
      return { element: make('li', {}, make('span', { class: `swatch ${name}` }), text), text }
    },
    ({ text }, name) => setText(text, `${name} ${sayNumber(sums[OUTCOMES.indexOf(name)])}`),
  )
  setAttribute(
    byId('chart'),
    'aria-label',
    `Calls by outcome over the last hour: ${OUTCOMES.map((name, i) => `${sums[i]} ${name}`).join(', ')}`,
  )
  draw(dataOf(outcomes, Date.parse(snapshot.at) / 1000))
}

/** One row of times, then each outcome on top of those before it; the topmost first, so that it is drawn behind. */
function dataOf(outcomes, atSeconds) {
  const steps = outcomes.forwarded.length / JOINED
  const minute = JOINED * outcomes.stepSeconds
  const times = Array.from({ length: steps }, (_, i) => atSeconds - (steps - 1 - i) * minute)
  const stacked = []
  let below = new Array(steps).fill(0)
  for (const name of OUTCOMES) {
    below = below.map((sum, i) => {
      for (let j = 0; j < JOINED; j++) sum += outcomes[name][i * JOINED + j]
      return sum
    })
    stacked.unshift(below)
  }
  return [times, ...stacked]
}

function draw(data) {
  const box = byId('chart')
  const size = { width: Math.floor(box.clientWidth), height: Math.floor(box.clientHeight) }
  if (size.width === 0) return
  plot ??= open(box, data, size)
  const hasNews = JSON.stringify(data.slice(1)) !== drawnMinute
  if (hasNews) {
    drawnMinute = JSON.stringify(data.slice(1))
    plot.setData(data)
  }
  if (plot.width !== size.width || plot.height !== size.height) plot.setSize(size)
}

function open(box, data, size) {
  const [quiet, line] = ['--quiet', '--line'].map(colour)
  const axis = {
    stroke: quiet,
    font: '11px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  }
  return new uPlot(
    {
      ...size,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 8, 0, 0],
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.08)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          values: [[600, '{HH}:{mm}', null, null, null, null, null, null, 1]],
          incrs: [600],
          size: 24,
        },
        {
          ...axis,
          size: 44,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 1e6],
        },
      ],
      series: [
        {},
        ...[...OUTCOMES].reverse().map(name => ({
          width: 0,
          fill: colour(`--${name}`),
          points: { show: false },
          paths: uPlot.paths.stepped({ align: -1 }),
        })),
      ],
    },
    data,
    box,
  )
}

/** Another scheme has other colours, which the canvas does not take up by itself. */
export function redrawOutcomes() {
  plot?.destroy()
  plot = undefined
  drawnMinute = undefined
}
