/* global uPlot */
/** Draws panels of a Grafana dashboard with what Prometheus answered: the four kinds that grafana/source/panels.ts makes. */

const probe = document.createElement('i')

/** As the canvas takes it, which knows no variable and no scheme. */
function colour(name) {
  document.body.append(probe)
  probe.style.color = `var(${name})`
  return getComputedStyle(probe).color
}

const PALETTE = ['green', 'yellow', 'blue', 'orange', 'red', 'deep', 'purple', 'violet']

function make(tag, className, text) {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

const DURATIONS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
]

function rounded(value) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return String(Number(value.toFixed(digits)))
}

function say(value, unit) {
  if (unit === 'percentunit') return `${rounded(value * 100)}%`
  if (unit === 's') {
    if (value === 0) return '0 s'
    const [size, word] = DURATIONS.find(([least]) => Math.abs(value) >= least) ?? DURATIONS.at(-1)
    return `${rounded(value / size)} ${word}`
  }
  if (unit === 'short' && Math.abs(value) >= 1000) return `${rounded(value / 1000)} K`
  return rounded(value)
}

function legendOf({ legendFormat }, labels) {
  return legendFormat.replace(/\{\{(\w+)\}\}/g, (_, name) => labels[name] ?? '')
}

/** Every series of a panel, with what it is called and which query it is of. */
function seriesOf({ targets = [], answers }) {
  return targets.flatMap((target, query) =>
    answers[query].map(({ labels, points }) => ({ name: legendOf(target, labels), query, points })),
  )
}

function thresholdColour({ steps }, value) {
  return colour(`--${steps.filter(step => step.value === null || value >= step.value).at(-1).color}`)
}

function mapped({ mappings }, value) {
  for (const { options } of mappings) if (options[String(value)]) return options[String(value)].text
  return undefined
}

function drawStat(body, panel) {
  const { unit, thresholds, noValue } = panel.fieldConfig.defaults
  const series = seriesOf(panel)
  const { colorMode, textMode } = panel.options
  body.classList.add('stat')
  for (const { name, points } of series) {
    const value = points.at(-1)[1]
    const tile = make('div', 'tile')
    if (series.length > 1) tile.append(make('div', 'name', name))
    const text = textMode === 'name' ? name : (mapped(panel.fieldConfig.defaults, value) ?? say(value, unit))
    const large = make('div', series.length > 1 ? 'value' : 'value large', text)
    if (colorMode === 'value') large.style.color = thresholdColour(thresholds, value)
    tile.append(large)
    body.append(tile)
  }
  if (series.length === 0) body.append(make('div', 'none', noValue))
}

function drawBars(body, panel) {
  const { unit, thresholds, noValue, min = 0, max } = panel.fieldConfig.defaults
  const series = seriesOf(panel).map(({ name, points }) => ({ name, value: points.at(-1)[1] }))
  const most = max ?? Math.max(...series.map(({ value }) => value))
  body.classList.add('bars')
  for (const { name, value } of series.sort((a, b) => b.value - a.value)) {
    const track = make('div', 'track')
    const bar = make('div', 'bar')
    bar.style.width = `${(100 * Math.max(0, value - min)) / (most - min || 1)}%`
    bar.style.background = thresholdColour(thresholds, value)
    track.append(bar)
    const number = make('div', 'number', say(value, unit))
    number.style.color = thresholdColour(thresholds, value)
    body.append(make('div', 'name', name), track, number)
  }
  if (series.length === 0) body.replaceWith(make('div', 'none', noValue))
}

function drawLines(body, panel, from, to) {
  const { unit, min, max, custom, noValue } = panel.fieldConfig.defaults
  const series = seriesOf(panel).filter(({ points }) => points.some(([, value]) => Number.isFinite(value)))
  if (series.length === 0) return body.append(make('div', 'none', noValue))
  const dashed = new Set(panel.fieldConfig.overrides.map(({ matcher }) => matcher.options.charCodeAt(0) - 65))
  const times = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b)
  const stacked = custom.stacking.mode === 'normal'
  const below = times.map(() => 0)
  const rows = series.map(({ points }) => {
    const at = new Map(points)
    return times.map((time, i) => {
      const value = at.get(time)
      if (!Number.isFinite(value)) return null
      return stacked ? (below[i] += value) : value
    })
  })
  // Areas that add up are drawn from the topmost down.
  const order = stacked ? [...rows.keys()].reverse() : [...rows.keys()]
  const colours = series.map((_, i) => colour(`--${PALETTE[i % PALETTE.length]}`))
  const chart = make('div', 'chart')
  const legend = make('ul', 'legend')
  series.forEach(({ name, query }, i) => {
    const item = make('li', '', name)
    item.style.setProperty('--own', colours[i])
    if (dashed.has(query)) item.classList.add('dashed')
    legend.append(item)
  })
  body.append(chart, legend)
  const axis = {
    stroke: colour('--quiet'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  new uPlot(
    {
      width: chart.clientWidth,
      height: chart.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 8, 0, 0],
      scales: {
        x: { range: [from, to] },
        y: {
          range: (_plot, low, high) => {
            const span = high - Math.min(low, min ?? low) || 1
            return [min ?? low - 0.05 * span, max ?? high + 0.08 * span]
          },
        },
      },
      axes: [
        { ...axis, size: 22, space: 70, values: (_plot, ticks) => ticks.map(clockText) },
        { ...axis, size: 54, space: 34, values: (_plot, ticks) => ticks.map(tick => say(tick, unit)) },
      ],
      series: [
        {},
        ...order.map(i => ({
          stroke: colours[i],
          width: 1.2,
          points: { show: false },
          ...(stacked && { fill: `color-mix(in srgb, ${colours[i]} 35%, ${colour('--panel')})` }),
          ...(dashed.has(series[i].query) && { dash: [6, 6] }),
        })),
      ],
    },
    [times, ...order.map(i => rows[i])],
    chart,
  )
}

function clockText(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19)
}

const KINDS = { stat: drawStat, bargauge: drawBars, timeseries: drawLines }

globalThis.drawDashboard = ({ title, panels, from, to }) => {
  const main = document.querySelector('main')
  const head = make('header', '', title)
  head.append(make('span', '', `${clockText(from)} to ${clockText(to)} UTC`))
  main.before(head)
  for (const panel of panels) {
    const { x, y, w, h } = panel.gridPos
    const isRow = panel.type === 'row'
    const box = make('section', isRow ? 'row' : 'panel')
    box.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`
    box.append(make('h2', '', panel.title))
    main.append(box)
    if (isRow) continue
    const body = make('div', 'body')
    box.append(body)
    KINDS[panel.type](body, panel, from, to)
  }
}
