/** The figures of a replay → what the reckoning of many nodes goes by. */
import type { Figures } from './figures.js'
import type { Replayed } from './scale.js'

export function replayedOf({ calls, saved, refused, accounts, course }: Figures): Replayed {
  // What Connect pushes does not come in.
  const all = Math.max(1, calls.in - saved.connect)
  const asked = saved.total === 0 ? 0 : (saved.total - saved.connect) / saved.total
  const { counts, stepMs } = course
  const loadAt = (step: number) => ({
    up: counts.up[step] ?? 0,
    saved: (counts.saved[step] ?? 0) * asked,
    refused: counts.refused[step] ?? 0,
  })
  const calling = counts.in.map((_, step) => {
    const { up, saved: spared, refused: turned } = loadAt(step)
    return up + spared + turned
  })
  const fullest = loadAt(Math.max(0, calling.indexOf(Math.max(...calling))))
  const second = 1000 / stepMs
  return {
    savedShare: (saved.total - saved.connect) / all,
    refusedShare: refused.total / all,
    accounts: accounts.total,
    fullest: {
      up: fullest.up * second,
      saved: fullest.saved * second,
      refused: fullest.refused * second,
    },
    stepMs,
  }
}
