/**
 * What many accounts would take, on paper: each part's load from what a call costs it, and where it is full. Computed, not
 * measured; what the costs are, a file says, and which of them were measured.
 */

export interface ScaleAsked {
  readonly accounts: number
  /** Calls an hour of each. */
  readonly limit: number
  readonly nodes: readonly number[]
}

/** What of a replay the reckoning goes by. */
export interface Replayed {
  /** Of all calls, those that copies or twins answer. */
  readonly savedShare: number
  /** Of all calls, those that are refused. */
  readonly refusedShare: number
  readonly accounts: number
  /** Calls of a second, in the fullest step of its course. */
  readonly fullest: Load
  readonly stepMs: number
}

/** Calls of a second, by what becomes of them. */
export interface Load {
  readonly up: number
  readonly saved: number
  readonly refused: number
}

export interface Costs {
  /** Microseconds of a node's core, with all that it says to Redis. */
  readonly forwardedMicros: number
  readonly savedMicros: number
  readonly refusedMicros: number
  readonly coresPerNode: number
  /** Of Redis' one core, for a call that goes up, and for one that does not. */
  readonly redisMicrosUp: number
  readonly redisMicrosSaved: number
  readonly redisCommandsUp: number
  readonly redisCommandsSaved: number
  /** Bytes between them, either way. */
  readonly redisTrafficUp: number
  readonly redisTrafficSaved: number
  /** What its network takes in a second. */
  readonly redisBytes: number
  readonly redisBytesPerAccount: number
  readonly redisMemoryBytes: number
  readonly accountBytes: number
  /** Of a node with nobody calling, and what its copies may take with all that goes with them. */
  readonly idleBytes: number
  readonly cacheBytes: number
  readonly nodeMemoryBytes: number
  /** Of an answer, either way. */
  readonly answerBytes: number
  readonly nodeBytes: number
}

export interface ScaleRow {
  readonly nodes: number
  /** Of what there is: 1 is full. */
  readonly nodeCpu: number
  readonly nodeMemory: number
  readonly nodeNetwork: number
  readonly redisCpu: number
  readonly redisNetwork: number
  readonly redisMemory: number
  /** The first to be full, and at how many accounts. */
  readonly first: string
  readonly saturatesAt: number
}

/** So much traffic, and what it takes. */
export interface Taken {
  /** `spent`: every account spends all of its hour. `replayed`: each calls as in the fullest step of the replay. */
  readonly kind: 'spent' | 'replayed'
  readonly load: Load
  readonly redisCommandsPerSecond: number
  readonly rows: readonly ScaleRow[]
}

export interface Scale {
  readonly asked: ScaleAsked
  readonly replayed: Replayed
  readonly taken: readonly Taken[]
}

const SCALE = /^(\d+)[x×](\d+)(?:[x×](\d+(?:,\d+)*))?$/
const NODES = [1, 2, 4, 8, 16]

/** @returns what is wrong, as a sentence, where it cannot be read */
export function readScale(text: string): ScaleAsked | string {
  const [, accounts, limit, nodes] = SCALE.exec(text) ?? []
  const asked = {
    accounts: Number(accounts),
    limit: Number(limit),
    nodes: nodes === undefined ? NODES : nodes.split(',').map(Number),
  }
  if (accounts !== undefined && asked.accounts > 0 && asked.limit > 0 && asked.nodes.every(n => n > 0))
    return asked
  return `--scale takes ACCOUNTSxLIMIT or ACCOUNTSxLIMITxNODES,NODES…, such as 20000x3000x2,4,8, not ${JSON.stringify(text)}`
}

const COSTS: readonly (keyof Costs)[] = [
  'forwardedMicros',
  'savedMicros',
  'refusedMicros',
  'coresPerNode',
  'redisMicrosUp',
  'redisMicrosSaved',
  'redisCommandsUp',
  'redisCommandsSaved',
  'redisTrafficUp',
  'redisTrafficSaved',
  'redisBytes',
  'redisBytesPerAccount',
  'redisMemoryBytes',
  'accountBytes',
  'idleBytes',
  'cacheBytes',
  'nodeMemoryBytes',
  'answerBytes',
  'nodeBytes',
]

/** @param value a YAML document, as plain values @returns everything that is wrong with it, or the costs */
export function readCosts(value: unknown): Costs | readonly string[] {
  const fields =
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  const faults = Object.keys(fields)
    .filter(name => !(COSTS as readonly string[]).includes(name))
    .map(name => `${name}: unknown; there are ${COSTS.join(', ')}`)
  for (const name of COSTS) {
    const cost = fields[name]
    if (typeof cost !== 'number' || !(cost >= 0)) faults.push(`${name}: must be a number of 0 or more`)
  }
  return faults.length > 0 ? faults : (fields as unknown as Costs)
}

export function scaleOf(asked: ScaleAsked, replayed: Replayed, costs: Costs): Scale {
  const { accounts, limit } = asked
  const up = (accounts * limit) / 3600
  const perUp = up / Math.max(0.01, 1 - replayed.savedShare - replayed.refusedShare)
  const spent = { up, saved: perUp * replayed.savedShare, refused: perUp * replayed.refusedShare }
  const times = accounts / Math.max(1, replayed.accounts)
  const { fullest } = replayed
  const likewise = { up: fullest.up * times, saved: fullest.saved * times, refused: fullest.refused * times }
  const taken = [takenBy('spent', spent, asked, costs), takenBy('replayed', likewise, asked, costs)]
  return { asked, replayed, taken }
}

function takenBy(
  kind: Taken['kind'],
  load: Load,
  { accounts, nodes: each }: ScaleAsked,
  costs: Costs,
): Taken {
  const { up, saved, refused } = load
  const cores = (up * costs.forwardedMicros + saved * costs.savedMicros + refused * costs.refusedMicros) / 1e6
  // Who is refused for a poll has asked Redis, like one whom a copy answers; who is for a limit, not always.
  const spared = saved + refused
  const redis = (ofUp: number, ofSpared: number) => up * ofUp + spared * ofSpared
  const rows = each.map((nodes): ScaleRow => {
    const loads = {
      nodeCpu: cores / (nodes * costs.coresPerNode),
      // Any node may serve any account, so each knows all of them.
      nodeMemory:
        (costs.idleBytes + costs.cacheBytes + accounts * costs.accountBytes) / costs.nodeMemoryBytes,
      nodeNetwork: ((2 * up + spared) * costs.answerBytes) / (nodes * costs.nodeBytes),
      // By its time and not by its commands, because a report of a budget takes many times as long as a GET.
      redisCpu: redis(costs.redisMicrosUp, costs.redisMicrosSaved) / 1e6,
      redisNetwork: redis(costs.redisTrafficUp, costs.redisTrafficSaved) / costs.redisBytes,
      redisMemory: (accounts * costs.redisBytesPerAccount) / costs.redisMemoryBytes,
    }
    const [first = '', most = 0] = Object.entries(loads).sort(([, a], [, b]) => b - a)[0] ?? []
    return { nodes, ...loads, first, saturatesAt: Math.floor(accounts / most) }
  })
  return {
    kind,
    load,
    redisCommandsPerSecond: redis(costs.redisCommandsUp, costs.redisCommandsSaved),
    rows,
  }
}
