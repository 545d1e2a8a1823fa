/** Do copies keep to their bytes? 10,000 different answers of 100 KB are offered: resident memory, against what is configured. */
import http from 'node:http'
import type { Result } from './main.js'
import { get, startChild, startGovernor } from './programs.js'
import { envelope } from './requests.js'

const OFFERED = 10_000
const BYTES = 100_000
const CALLERS = 16
/** The defaults: `cache.maxBytes`, and what the process may need beside it. */
const COPIES_BYTES = 256 * 1024 * 1024
const BESIDE_BYTES = 150 * 1024 * 1024
const HEADERS = { authorization: `Bearer ${'x'.repeat(680)}`, accept: 'application/pdf' }

export async function resident(say: (text: string) => void): Promise<Result[]> {
  const upstream = await startChild('upstream')
  const governor = await startGovernor(`http://127.0.0.1:${upstream.port}`, {
    GOVERNOR_LIMITS_MODE: 'observe',
    GOVERNOR_LIMITS_LEARN: 'false',
  })
  const agent = new http.Agent({ keepAlive: true })
  let peak = 0
  let offered = 0
  const ask = async () => {
    while (offered < OFFERED) {
      const n = offered++
      await get(governor.port, `${envelope(n)}/documents/1?bytes=${BYTES}`, agent, HEADERS)
      if (n % 250 === 0) peak = Math.max(peak, (await governor.usage()).rssBytes)
    }
  }
  try {
    await Promise.all(Array.from({ length: CALLERS }, ask))
    peak = Math.max(peak, (await governor.usage()).rssBytes)
  } finally {
    agent.destroy()
    await Promise.all([upstream, governor].map(program => program.stop()))
  }
  const [megabytes, most] = [peak, COPIES_BYTES + BESIDE_BYTES].map(bytes => Math.round(bytes / 1024 / 1024))
  say(`resident: ${megabytes} MB at most, and the mark is ${most} MB`)
  return [
    {
      what: `resident memory at most, ${OFFERED} answers of ${BYTES / 1000} KB offered`,
      against: 'cache.maxBytes and 150 MB',
      ratio: peak / (COPIES_BYTES + BESIDE_BYTES),
      mark: 1,
    },
  ]
}
