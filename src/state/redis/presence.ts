/** Which governors there are: each says every second that it is there, and hears who else is. */
import type { Clock, Timer } from '../../base/clock.js'
import type { NodeSeen } from '../../base/pool.js'
import { makeScript, type RedisConnection } from './connection.js'

const BEAT_MS = 1_000
/** Who has not been heard of for so long is gone. */
const GONE_MS = 6_000
const MAX_NODES = 1_000

/** KEYS: the nodes. ARGV: our name, what we say or '' to leave, how long a node may be silent in ms. */
const BEAT = makeScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return {}
end
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local found, flat = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  local at = tonumber(string.match(flat[i + 1], '^%d+'))
  if now - at > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], flat[i])
  else
    found[#found + 1] = flat[i]
    found[#found + 1] = flat[i + 1]
  end
end
return found
`)

export interface PresenceParts {
  readonly clock: Clock
  readonly node: string
  readonly version: string
  tally(): { readonly inHand: number; readonly waiting: number }
}

export interface Presence {
  /** As last heard, by name; this node is always one of them. Bounded. */
  nodes(): readonly NodeSeen[]
  /** How many there are, this one included: whoever was heard of within the last seconds may still be sending. */
  count(): number
  /** The same without this one, by name. */
  others(): readonly string[]
  /** It leaves. */
  stop(): Promise<void>
}

export function makePresence(redis: RedisConnection, parts: PresenceParts): Presence {
  const { clock, node, version } = parts
  const key = redis.key('nodes', 'seen')
  let others: readonly NodeSeen[] = []
  /** When each of the others was heard of last: a Redis that was emptied knows of nobody at first. */
  const heardMs = new Map<string, number>()
  let timer: Timer | undefined
  let isStopped = false
  let isBeating = false

  const self = (): NodeSeen => ({ id: node, version, ...parts.tally(), atMs: clock.wallMs() })

  async function beat(): Promise<void> {
    timer?.cancel()
    if (isStopped || isBeating) return
    isBeating = true
    try {
      const { inHand, waiting } = self()
      const said = JSON.stringify([version, inHand, waiting])
      const found = (await redis.eval(BEAT, [key], [node, said, GONE_MS])) as readonly string[]
      others = readNodes(found.map(String)).filter(({ id }) => id !== node)
      const nowMs = clock.nowMs()
      for (const { id } of others) heardMs.set(id, nowMs)
      for (const [id, atMs] of heardMs) if (nowMs - atMs > GONE_MS) heardMs.delete(id)
    } catch {
      // Lost; who was there is still taken to be: nobody knows better.
    } finally {
      isBeating = false
      if (!isStopped) timer = clock.after(BEAT_MS, () => void beat())
    }
  }

  redis.onChange(isUp => {
    if (isUp) void beat()
  })

  return {
    nodes: () => [self(), ...others].sort((a, b) => (a.id < b.id ? -1 : 1)),
    count: () => heardMs.size + 1,
    others: () => [...heardMs.keys()],
    async stop() {
      isStopped = true
      timer?.cancel()
      await redis.eval(BEAT, [key], [node, '', GONE_MS]).catch(() => undefined)
    },
  }
}

function readNodes(flat: readonly string[]): NodeSeen[] {
  const found: NodeSeen[] = []
  for (let i = 0; i + 1 < flat.length && found.length < MAX_NODES; i += 2) {
    const [, at = '0', text = '[]'] = /^(\d+) (.*)$/.exec(flat[i + 1] ?? '') ?? []
    const [version, inHand, waiting] = JSON.parse(text) as [string, number, number]
    found.push({ id: flat[i] ?? '', version, inHand, waiting, atMs: Number(at) })
  }
  return found
}
