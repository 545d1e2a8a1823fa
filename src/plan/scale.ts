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

/** How often calls are answered in which way: from a replay. */
export interface Mix {
  /** Of all calls, those that copies or twins answer. */
  readonly savedShare: number
  /** Of all calls, those that are refused. */
  readonly refusedShare: number
}

export interface Costs {
  /** Microseconds of a core. */
  readonly forwardedMicros: number
  readonly savedMicros: number
  readonly refusedMicros: number
  readonly coresPerNode: number
  /** Redis commands, and bytes either way, of a call that goes up, and of one that does not. */
  readonly commandsUp: number
  readonly commandsSaved: number
  readonly bytesPerCommand: number
  /** What one Redis takes in a second. */
  readonly redisCommands: number
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

export interface Scale {
  readonly asked: ScaleAsked
  readonly mix: Mix
  readonly upPerSecond: number
  readonly inPerSecond: number
  readonly rows: readonly ScaleRow[]
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
  'commandsUp',
  'commandsSaved',
  'bytesPerCommand',
  'redisCommands',
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

/** Every account spends all of its hour: the worst that the limits allow. */
export function scaleOf(asked: ScaleAsked, mix: Mix, costs: Costs): Scale {
  const upPerSecond = (asked.accounts * asked.limit) / 3600
  const upShare = Math.max(0.01, 1 - mix.savedShare - mix.refusedShare)
  const inPerSecond = upPerSecond / upShare
  const [saved, refused] = [inPerSecond * mix.savedShare, inPerSecond * mix.refusedShare]
  const cores =
    (upPerSecond * costs.forwardedMicros + saved * costs.savedMicros + refused * costs.refusedMicros) / 1e6
  const commands = upPerSecond * costs.commandsUp + (saved + refused) * costs.commandsSaved
  const rows = asked.nodes.map((nodes): ScaleRow => {
    const loads = {
      nodeCpu: cores / (nodes * costs.coresPerNode),
      // Any node may serve any account, so each knows all of them.
      nodeMemory:
        (costs.idleBytes + costs.cacheBytes + asked.accounts * costs.accountBytes) / costs.nodeMemoryBytes,
      nodeNetwork: ((inPerSecond + upPerSecond) * costs.answerBytes) / (nodes * costs.nodeBytes),
      redisCpu: commands / costs.redisCommands,
      redisNetwork: (commands * costs.bytesPerCommand) / costs.redisBytes,
      redisMemory: (asked.accounts * costs.redisBytesPerAccount) / costs.redisMemoryBytes,
    }
    const [first = '', load = 0] = Object.entries(loads).sort(([, a], [, b]) => b - a)[0] ?? []
    return { nodes, ...loads, first, saturatesAt: Math.floor(asked.accounts / load) }
  })
  return { asked, mix, upPerSecond, inPerSecond, rows }
}
