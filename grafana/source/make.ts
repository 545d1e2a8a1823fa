/** Writes `grafana/dashboards/*.json`: `npm run build && node build/grafana/source/make.js`. */
import { writeFileSync } from 'node:fs'
import { capacity } from './capacity.js'
import { now } from './now.js'
import { dashboardJson, type Dashboard } from './panels.js'
import { service } from './service.js'

/** File name → its text. */
export const DASHBOARDS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ now, capacity, service }).map(([name, dashboard]: [string, Dashboard]) => [
    `${name}.json`,
    `${JSON.stringify(dashboardJson(dashboard), null, 2)}\n`,
  ]),
)

if (import.meta.url === new URL(process.argv[1] ?? '', 'file:').href) {
  for (const [name, text] of Object.entries(DASHBOARDS)) {
    writeFileSync(new URL(`../../../grafana/dashboards/${name}`, import.meta.url), text)
  }
}
