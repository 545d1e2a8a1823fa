/** CPU and memory of a program that does not tell them itself: those of its processes and threads, as Linux counts them. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Usage } from './children/child.js'

/** Of the process and all that it started. Zero where there is no `/proc`. */
export function burntBy(pid: number): Usage {
  const family = familyOf(pid).flatMap(member => {
    const usage = burntAlone(member)
    return usage === undefined ? [] : [usage]
  })
  return {
    cpuMicros: family.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0),
    rssBytes: family.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    liveBytes: undefined,
  }
}

function familyOf(pid: number): number[] {
  const children = threadsOf(pid).flatMap(thread => {
    const names = textOf(`/proc/${pid}/task/${thread}/children`)?.trim() ?? ''
    return names === '' ? [] : names.split(' ').map(Number)
  })
  return [pid, ...children.flatMap(familyOf)]
}

function burntAlone(pid: number): Omit<Usage, 'liveBytes'> | undefined {
  // `stat` counts in hundredths of a second, which is as long as some of these programs take for a round.
  const nanos = threadsOf(pid).reduce(
    (sum, thread) => sum + Number(textOf(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0] ?? 0),
    0,
  )
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1]
  return kibibytes === undefined ? undefined : { cpuMicros: nanos / 1000, rssBytes: Number(kibibytes) * 1024 }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
