/**
 * Do bodies stream? 8 × 100 MB to slow readers, documents that would be kept if they were not larger than any copy: the
 * governor's memory while they flow, against what it held before.
 */
import http from 'node:http'
import type { Result } from './main.js'
import { get, startChild, startGovernor, type Program } from './programs.js'

const READERS = 8
const BYTES = 100 * 1024 * 1024
/** Each reader takes a sip, then rests: some 20 MB a second, far slower than the upstream could. */
const SIP_BYTES = 1024 * 1024
const REST_MS = 50

export async function memory(say: (text: string) => void): Promise<Result[]> {
  const upstream = await startChild('upstream')
  const governor = await startGovernor(`http://127.0.0.1:${upstream.port}`)
  try {
    for (let i = 0; i < 300; i++) await get(governor.port, '/restapi/v2.1/accounts/1/envelopes')
    const before = (await governor.usage()).rssBytes
    let peak = before
    let done = 0
    const readers = Array.from({ length: READERS }, (_, n) => sip(governor, n).then(bytes => (done++, bytes)))
    while (done < READERS) {
      await rest(250)
      peak = Math.max(peak, (await governor.usage()).rssBytes)
    }
    for (const bytes of await Promise.all(readers)) {
      if (bytes !== BYTES) throw new Error(`a reader got ${bytes} of ${BYTES} bytes`)
    }
    say(
      `memory: ${megabytes(before)} MB before, ${megabytes(peak)} MB at most while ${READERS} × 100 MB flowed`,
    )
    return [
      {
        what: `peak memory over idle while ${READERS} × 100 MB stream to slow readers, as a share of those bytes`,
        against: 'holding them',
        ratio: (peak - before) / (READERS * BYTES),
        mark: 0.1,
      },
    ]
  } finally {
    await Promise.all([upstream, governor].map(program => program.stop()))
  }
}

/** @param n whose document */
function sip(program: Program, n: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const envelope = `4b728be4-1111-2222-3333-${String(n).padStart(12, '0')}`
    const path = `/restapi/v2.1/accounts/1/envelopes/${envelope}/documents/combined?bytes=${BYTES}`
    const headers = { authorization: 'Bearer somebody' }
    http.get({ host: '127.0.0.1', port: program.port, path, headers }, res => {
      let bytes = 0
      let sinceRest = 0
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        sinceRest += chunk.length
        if (sinceRest < SIP_BYTES) return
        sinceRest = 0
        res.pause()
        void rest(REST_MS).then(() => res.resume())
      })
      res.on('end', () => resolve(bytes))
      res.on('error', reject)
    })
  })
}

const rest = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024)
