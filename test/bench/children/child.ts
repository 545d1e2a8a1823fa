/** What every program of the benchmarks says to its parent: its port at the start, its CPU and memory when asked. */
import type { AddressInfo, Server } from 'node:net'
import v8 from 'node:v8'
import vm from 'node:vm'

export interface Usage {
  /** User and system, microseconds since the start. */
  readonly cpuMicros: number
  readonly rssBytes: number
  /** What is left when all that nobody needs is collected; asked for, because that holds up everything for a moment. */
  readonly liveBytes: number | undefined
}

function liveBytes(): number {
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  // Twice, because what is freed at the first may have held buffers.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

export function answerParent(): void {
  process.on('message', asked => {
    const live = asked === 'live' ? liveBytes() : undefined
    const { user, system } = process.cpuUsage()
    const usage: Usage = {
      cpuMicros: user + system,
      rssBytes: process.memoryUsage.rss(),
      liveBytes: live,
    }
    process.send?.({ usage })
  })
}

export function serveParent(server: Server): void {
  answerParent()
  process.on('disconnect', () => process.exit())
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
}
