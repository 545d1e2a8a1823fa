/** What every program of the benchmarks says to its parent: its port at the start, its CPU and memory when asked. */
import type { AddressInfo, Server } from 'node:net'

export interface Usage {
  /** User and system, microseconds since the start. */
  readonly cpuMicros: number
  readonly rssBytes: number
}

export function answerParent(): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    const usage: Usage = { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() }
    process.send?.({ usage })
  })
}

export function serveParent(server: Server): void {
  answerParent()
  process.on('disconnect', () => process.exit())
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
}
