/** What does an account cost? Heap of one that is idle, and of one that makes 500 calls an hour. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Result } from './main.js'

const IDLE = 20_000
const BUSY = 2_000
const CALLS = 500

export async function accounts(say: (text: string) => void): Promise<Result[]> {
  const idle = await heapOf(IDLE, 1, true)
  const busy = await heapOf(BUSY, CALLS, false)
  say(
    `accounts: ${Math.round(idle)} bytes idle (${IDLE} of them), ${Math.round(busy)} at ${CALLS} calls an hour (${BUSY})`,
  )
  return [
    { what: 'heap of an idle account', against: '1 KiB', ratio: idle / 1024, mark: 1 },
    {
      what: `heap of an account at ${CALLS} calls an hour`,
      against: '12 KiB',
      ratio: busy / 12_288,
      mark: 1,
    },
  ]
}

async function heapOf(count: number, calls: number, isIdle: boolean): Promise<number> {
  const path = fileURLToPath(new URL('children/accounts.js', import.meta.url))
  const argv = [String(count), String(calls), isIdle ? '1' : '0']
  const child = fork(path, argv, {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ bytes }] = (await once(child, 'message')) as [{ bytes: number }]
  return bytes
}
