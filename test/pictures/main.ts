/** Makes the README's pictures from live data. `npm run pictures [-- live | dashboard] [-- FOLDER]` */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hasChromium, openChromium } from '../fixtures/browser.js'
import { ROOT } from '../fixtures/governor.js'
import { isThere } from '../fixtures/prometheus.js'
import { takeDashboard } from './dashboard.js'
import { takeLivePage } from './live.js'

const TAKEN = { live: takeLivePage, dashboard: takeDashboard }

const given = process.argv.slice(2)
const folder =
  given.find(word => !Object.hasOwn(TAKEN, word)) ?? fileURLToPath(new URL('config/pictures/', ROOT))
if (!hasChromium) throw new Error('the pictures are taken with /usr/bin/chromium, which is not there')
if (!isThere('prometheus'))
  throw new Error('a dashboard is drawn of what Prometheus says, which is not there')
mkdirSync(folder, { recursive: true })
const browser = await openChromium()
for (const [name, take] of Object.entries(TAKEN)) {
  if (given.includes(name) || !given.some(word => Object.hasOwn(TAKEN, word))) await take(browser, folder)
}
await browser.close()
process.exit()
