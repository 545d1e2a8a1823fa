/** Does anything grow? Mixed traffic for `--for SECONDS`, four hours by default: memory, connections and counters. */
import { soak as run } from '../fixtures/soak.js'
import type { Result } from './main.js'

const MB = 1024 * 1024

export async function soak(say: (text: string) => void, seconds: number): Promise<Result[]> {
  const soaked = await run(seconds, Math.random, say)
  const { answered, unanswered, mistakes, left, asked, sent } = soaked
  say(`soak: ${answered} calls answered, ${unanswered} not, ${mistakes} mistakes of ours`)
  const over = `over ${Math.round(seconds / 60)} minutes`
  return [
    {
      what: `growth of what is kept, ${over}`,
      against: '1 MB a minute',
      ratio: soaked.slopeBytesPerMinute / MB,
      mark: 1,
    },
    {
      what: `growth of resident memory, ${over}`,
      against: '1 MB a minute',
      ratio: soaked.rssSlopeBytesPerMinute / MB,
      mark: 1,
    },
    {
      what: 'connections and calls that are left when all have gone',
      against: 'none',
      ratio: left.clients + left.inUse + left.calls,
      mark: 0,
    },
    {
      what: `calls that the counters and the two ends count differently, of ${asked.really}`,
      against: 'none',
      ratio: Math.abs(asked.counted - asked.really) + Math.abs(sent.counted - sent.really),
      mark: 0,
    },
    {
      what: 'calls without an answer, and mistakes of ours',
      against: 'none',
      ratio: unanswered + mistakes,
      mark: 0,
    },
  ]
}
