/** Heap of so many accounts that made so many calls each in the last hour; an idle one made its calls before that. */
import { makeGovernor } from '../../../src/governor/governor.js'
import { makeJournal } from '../../../src/governor/journal.js'
import { makeMemoryLedger } from '../../../src/state/memory.js'
import { callOf } from '../../fixtures/calls.js'

const HOUR_MS = 3_600_000
const [accounts = 1, calls = 1, isIdle] = process.argv.slice(2).map(Number)
const collect = (globalThis as { gc?: () => void }).gc
if (!collect) throw new Error('this needs --expose-gc')

let nowMs = 0
const clock = {
  nowMs: () => nowMs,
  wallMs: () => 1_800_000_000_000 + nowMs,
  after: () => ({ refresh: () => undefined, cancel: () => undefined }),
}
const names = Array.from(
  { length: accounts },
  (_, i) => `4b728be4-1111-2222-3333-${String(i).padStart(12, '0')}`,
)

collect()
const before = process.memoryUsage()
const governor = makeGovernor(
  {
    hour: { limit: 3_000, windowMs: HOUR_MS, alignment: 'auto' },
    burst: { limit: 500, windowMs: 30_000 },
    learn: true,
    margin: 0,
    mode: 'enforce',
    accounts: new Map(),
    maxWaitMs: 45_000,
    maxLength: 1_000,
    apps: new Map(),
  },
  makeJournal(makeMemoryLedger(), clock),
  clock,
)
for (let i = 0; i < calls; i++) {
  nowMs += (HOUR_MS / calls) * 0.99
  for (const account of names) {
    const permit = governor.enter(
      callOf(account),
      { priority: 'normal', untilMs: nowMs + 45_000 },
      'https://demo.docusign.net',
    )
    if (permit.kind !== 'permit') throw new Error(`not let in at once: ${permit.kind}`)
    permit.answered(200, [])
    permit.over()
  }
}
if (isIdle) nowMs += 2 * HOUR_MS
// As a scrape does.
for (const standing of governor.standings()) void standing
collect()
const after = process.memoryUsage()
const bytes = after.heapUsed + after.external - before.heapUsed - before.external
// Asked once more, so that nothing of it could have been collected before.
const known = [...governor.standings()].length
process.send?.({ bytes: bytes / known })
process.disconnect()
