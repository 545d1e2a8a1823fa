/** Whether Redis has room for copies: budgets and polls live in the same memory, and must not go without for their sake. */
import type { Clock, Timer } from '../../base/clock.js'
import type { RedisConnection } from './connection.js'

export interface Room {
  /** Less than MOST_SHARE of `maxmemory` is used, or it has none. */
  readonly isLeft: boolean
  close(): void
}

const LOOK_MS = 5_000
const MOST_SHARE = 0.8

export function makeRoom(connection: RedisConnection, clock: Clock): Room {
  let isLeft = true
  let timer: Timer | undefined

  async function look(): Promise<void> {
    const told = await connection.call('info', 'memory').catch(() => undefined)
    if (typeof told !== 'string') return
    const [used = 0, most = 0] = ['used_memory', 'maxmemory'].map(name =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(told)?.[1] ?? 0),
    )
    isLeft = most === 0 || used < MOST_SHARE * most
  }

  function again(): void {
    if (connection.isUp) void look()
    timer = clock.after(LOOK_MS, again)
  }

  connection.onChange(isUp => void (isUp && look()))
  again()
  return {
    get isLeft() {
      return isLeft
    },
    close: () => timer?.cancel(),
  }
}
