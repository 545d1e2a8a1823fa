/* global uPlot, COURSES */
/** Draws what came, what had to be asked and what was sent, one chart for each scenario. COURSES stands before it. */
const LINES = ['in', 'asked', 'up']
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
let plots = []

/** Twenty-four hours, and days before months: [least step, label, what stands below it at each new year, month, day, …]. */
const TIMES = [
  [86400, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
]

function draw(box, { stepMs, fromMs, counts, pace }) {
  const length = counts.in.length
  const times = Array.from({ length }, (_, i) => (fromMs + i * stepMs) / 1000)
  const [quiet, line] = ['--quiet', '--line'].map(colour)
  const axis = {
    stroke: quiet,
    font: '12px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  }
  return new uPlot(
    {
      width: Math.floor(box.clientWidth),
      height: Math.floor(box.clientHeight),
      legend: { show: false },
      cursor: { show: false },
      // Whoever reads it elsewhere reads the same hours.
      tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      padding: [8, 8, 0, 0],
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.08)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 40, values: TIMES },
        { ...axis, size: 60 },
      ],
      series: [
        {},
        ...LINES.map(name => ({
          stroke: colour(`--${name}`),
          width: name === 'in' ? 1.25 : 2,
          points: { show: false },
          paths: uPlot.paths.stepped({ align: 1 }),
        })),
        ...(pace === undefined
          ? []
          : [{ stroke: colour('--refused'), width: 1, dash: [6, 4], points: { show: false } }]),
      ],
    },
    [times, ...LINES.map(name => counts[name]), ...(pace === undefined ? [] : [times.map(() => pace)])],
    box,
  )
}

function drawAll() {
  for (const plot of plots) plot.destroy()
  plots = COURSES.map((course, i) => draw(document.getElementById(`chart-${i}`), course))
}

drawAll()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
addEventListener('resize', drawAll)
