/** A capture as a ZIP, a piece at a time: whoever waits for the next piece lets the calls between go first. */
import { strToU8, Zip, ZipDeflate } from 'fflate'
import type { Clock } from '../base/clock.js'
import { fileNameOf, harEnds, harEntryOf, textOf } from './har.js'
import type { Recorded } from './recording.js'

export interface ArchiveParts {
  readonly clock: Clock
  readonly version: string
  /** What DocuSign calls an operation. */
  readonly operationOf: (method: string, route: string) => string | undefined
}

/** So much is packed at a time: some milliseconds' work. */
const TURN_BYTES = 128 * 1024

export async function* archive(
  recorded: readonly Recorded[],
  { clock, version, operationOf }: ArchiveParts,
): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = []
  const zip = new Zip((error, piece) => {
    if (error) throw error
    ready.push(piece)
  })
  let packedBytes = 0
  const isDue = (bytes: number) => {
    packedBytes += bytes
    if (packedBytes < TURN_BYTES) return false
    packedBytes = 0
    return true
  }
  const turn = () => new Promise<void>(resolve => void clock.after(0, resolve))

  const digits = Math.max(2, String(recorded.length - 1).length)
  for (const [n, one] of recorded.entries()) {
    const file = new ZipDeflate(fileNameOf(one, n, digits, operationOf(one.method, one.route)), { level: 6 })
    file.mtime = one.atMs
    zip.add(file)
    const bytes = strToU8(textOf(one))
    file.push(bytes, true)
    if (!isDue(bytes.length)) continue
    yield* ready
    ready = []
    await turn()
  }
  const [before, after] = harEnds(version)
  const har = new ZipDeflate('calls.har', { level: 6 })
  zip.add(har)
  har.push(strToU8(before))
  for (const [n, one] of recorded.entries()) {
    const bytes = strToU8((n === 0 ? '' : ',\n') + JSON.stringify(harEntryOf(one)))
    har.push(bytes)
    if (!isDue(bytes.length)) continue
    yield* ready
    ready = []
    await turn()
  }
  har.push(strToU8(after), true)
  zip.end()
  yield* ready
}
