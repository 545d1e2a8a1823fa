/** The few kinds of panels there are here, and how they stand on a page of 24 columns. */

export interface Query {
  readonly expr: string
  readonly legend: string
  /** A broken line: what is not measured but would be. */
  readonly dashed?: boolean
}

export interface PanelPlan {
  readonly title: string
  /** What it shows, in a sentence or two. */
  readonly tells: string
  /** What to do about it: the end of every description. */
  readonly act: string
  /** As Grafana names it. */
  readonly unit: string
  /** In the place of a number where there is none. Never 0, because nobody has measured a 0. */
  readonly noValue: string
  readonly queries: readonly Query[]
  /** Of 24. */
  readonly width: number
  readonly min?: number
  readonly max?: number
  /** From the first value on, orange; from the second, red. `falling`: below the first, orange; below the second, red. */
  readonly worry?: readonly [number, number]
  readonly falling?: boolean
  readonly words?: Readonly<Record<string, string>>
}

export interface Panel extends PanelPlan {
  readonly type: 'stat' | 'timeseries' | 'bargauge' | 'piechart'
  readonly height: number
  readonly options: object
  readonly custom: object
}

export interface Row {
  /** The operator's question. */
  readonly question: string
  readonly panels: readonly Panel[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly from: string
  readonly refresh: string
  readonly variables: readonly object[]
  readonly rows: readonly Row[]
}

/** The last value of each query, large. */
export function stat(plan: PanelPlan & { readonly names?: boolean }): Panel {
  const { names = false, ...rest } = plan
  const reduceOptions = { calcs: ['lastNotNull'], fields: '', values: false }
  const options = {
    reduceOptions,
    colorMode: plan.worry ? 'value' : 'none',
    graphMode: 'none',
    textMode: names ? 'name' : 'auto',
    orientation: 'auto',
    justifyMode: 'auto',
  }
  return { ...rest, type: 'stat', height: 5, options, custom: {} }
}

/** Lines over time; with `stacked`, areas that add up. */
export function lines(plan: PanelPlan & { readonly stacked?: boolean }): Panel {
  const { stacked = false, ...rest } = plan
  const options = {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'multi', sort: 'desc' },
  }
  const custom = {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: stacked ? 30 : 0,
    // A gap is a gap.
    spanNulls: false,
    showPoints: 'auto',
    stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
  }
  return { ...rest, type: 'timeseries', height: 8, options, custom }
}

/** The last value of each series as a bar. */
export function bars(plan: PanelPlan): Panel {
  const options = {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    displayMode: 'basic',
    orientation: 'horizontal',
    showUnfilled: true,
    valueMode: 'color',
  }
  return { ...plan, type: 'bargauge', height: 8, options, custom: {} }
}

/** The shares of each series in their sum. */
export function shares(plan: PanelPlan): Panel {
  const options = {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    pieType: 'donut',
    legend: { displayMode: 'table', placement: 'right', showLegend: true, values: ['percent', 'value'] },
    tooltip: { mode: 'single', sort: 'none' },
  }
  return { ...plan, type: 'piechart', height: 8, options, custom: {} }
}

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
const WIDTH = 24

/** Whatever answers a question of now is asked for now; only lines need the time before. */
function isInstant({ type }: Panel): boolean {
  return type !== 'timeseries'
}

function thresholds({ worry, falling = false }: Panel): object {
  if (!worry) return { mode: 'absolute', steps: [{ color: 'green', value: null }] }
  const [first, second] = worry
  const steps = falling
    ? [
        { color: 'red', value: null },
        { color: 'orange', value: second },
        { color: 'green', value: first },
      ]
    : [
        { color: 'green', value: null },
        { color: 'orange', value: first },
        { color: 'red', value: second },
      ]
  return { mode: 'absolute', steps }
}

function panelJson(panel: Panel, id: number, x: number, y: number): object {
  const { type, title, tells, act, unit, noValue, queries, min, max, words = {}, custom, options } = panel
  const dashed = queries.filter(query => query.dashed)
  return {
    id,
    type,
    title,
    description: `${tells}\n\n**What to do:** ${act}`,
    datasource: DATASOURCE,
    gridPos: { h: panel.height, w: panel.width, x, y },
    fieldConfig: {
      defaults: {
        unit,
        noValue,
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
        color: { mode: type === 'timeseries' || type === 'piechart' ? 'palette-classic' : 'thresholds' },
        thresholds: thresholds(panel),
        mappings: Object.entries(words).map(([value, text], index) => ({
          type: 'value',
          options: { [value]: { text, index } },
        })),
        custom,
      },
      overrides: dashed.map(query => ({
        matcher: { id: 'byFrameRefID', options: refId(queries.indexOf(query)) },
        properties: [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 6] } }],
      })),
    },
    options,
    targets: queries.map(({ expr, legend }, at) => ({
      refId: refId(at),
      datasource: DATASOURCE,
      editorMode: 'code',
      expr,
      legendFormat: legend,
      instant: isInstant(panel),
      range: !isInstant(panel),
    })),
  }
}

function refId(at: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + at)
}

/** As Grafana 11 and later read it. */
export function dashboardJson({
  uid,
  title,
  description,
  from,
  refresh,
  variables,
  rows,
}: Dashboard): object {
  const panels: object[] = []
  let y = 0
  for (const { question, panels: own } of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: question,
      collapsed: false,
      panels: [],
      gridPos: { h: 1, w: WIDTH, x: 0, y: y++ },
    })
    let x = 0
    let lineHeight = 0
    for (const panel of own) {
      if (x + panel.width > WIDTH) {
        y += lineHeight
        x = lineHeight = 0
      }
      panels.push(panelJson(panel, panels.length + 1, x, y))
      x += panel.width
      lineHeight = Math.max(lineHeight, panel.height)
    }
    y += lineHeight
  }
  return {
    uid,
    title,
    description,
    tags: ['docusign-governor'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    time: { from, to: 'now' },
    refresh,
    links: [
      {
        type: 'dashboards',
        title: 'docusign-governor',
        tags: ['docusign-governor'],
        asDropdown: false,
        includeVars: true,
        keepTime: false,
      },
    ],
    annotations: { list: [] },
    templating: { list: variables },
    panels,
  }
}
