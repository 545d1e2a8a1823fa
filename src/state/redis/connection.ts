/**
 * The one way to Redis. A command is answered within its deadline or fails; while Redis is away every command fails at
 * once, so that nothing waits for it. Away is: no connection, no answer in time, or a server that takes no writes
 * (read-only, out of memory, loading, its Cluster down). Whoever depends on it hears of each turn of affairs.
 *
 *   up ── no answer in time · connection gone · no write taken ──▶ down ── a write of our own was taken ──▶ up
 */
import { createHash } from 'node:crypto'
import type { Clock, Timer } from '../../base/clock.js'
import { makeClient, makeListeningClient, type Client, type RedisConfig } from './client.js'

export type { RedisConfig } from './client.js'

/** What a command takes. */
export type RedisArg = string | number | Buffer

/** A script by its text; known to the server by the hash of it. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

export function makeScript(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/** Redis did not do what it was asked, or nobody knows whether it did. */
export class RedisLost extends Error {
  override readonly name = 'RedisLost'
}

export interface RedisConnection {
  /** Whether Redis answers and takes writes, as far as was seen. */
  readonly isUp: boolean
  /** Why it does not, in words for the operator. */
  readonly why: string | undefined
  /** How often it has come up. Another number than before: the server may be another, or may have lost what it knew. */
  readonly epoch: number
  /** Commands sent so far. */
  readonly commands: number
  /**
   * `prefix:{tag}:name`: all keys of one tag live on one node of a Cluster, so a script may touch them together.
   * A tag is a hash or a word of ours, never what a caller sent: a brace in it would move the key.
   */
  key(tag: string, ...names: readonly string[]): string
  /** One command, with its key first. @throws RedisLost */
  call(command: string, ...args: readonly RedisArg[]): Promise<unknown>
  /** The same with texts in the reply as bytes. @throws RedisLost */
  callBuffer(command: string, ...args: readonly RedisArg[]): Promise<unknown>
  /** Runs a script; the server is sent its text only where it does not know it. @throws RedisLost */
  eval(script: Script, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown>
  evalBuffer(script: Script, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown>
  /** Told whenever `isUp` turns, and at once if it is up. */
  onChange(tell: (isUp: boolean, why: string | undefined) => void): void
  /** Hears what is published on a channel (`key` makes its name), whenever there is a connection. */
  subscribe(channel: string, hear: (message: string) => void): void
  /** Nothing is asked after it; what is under way fails. */
  close(): Promise<void>
}

/** While it is down, how often a write of our own is tried. */
const PROBE_MS = 500
/** After so many in vain the connection itself is doubted: its host may have vanished without a word. */
const DOUBTED_AFTER = 4
const PROBE_LIFE_MS = 10_000
/** Replies of a server that will not take writes now, or of one that is not for us (yet). */
const REFUSALS =
  /^(?:READONLY|OOM|MISCONF|LOADING|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOAUTH|WRONGPASS|NOPERM|EXECABORT|MOVED|ASK)\b/
const OTHER_SERVER = /^(?:READONLY|MASTERDOWN)\b/

export function makeConnection(config: RedisConfig, clock: Clock): RedisConnection {
  const client = makeClient(config)
  const listeners = new Set<(isUp: boolean, why: string | undefined) => void>()
  const ears = new Map<string, ((message: string) => void)[]>()
  let listening: Client | undefined
  let isUp = false
  let why: string | undefined = 'not connected yet'
  let epoch = 0
  let commands = 0
  let closed = false
  let probing: Timer | undefined
  let isProbing = false
  let vain = 0
  /** The tag of the key that failed last: in a Cluster, the node that must be asked whether it is well again. */
  let doubtful = 'probe'

  const keyOf = (tag: string, ...names: readonly string[]) =>
    [`${config.prefix}:{${tag}}`, ...names].join(':')

  function turn(up: boolean, reason: string | undefined): void {
    if (closed) return
    if (!up) why = reason
    if (up === isUp) return
    isUp = up
    if (up) {
      why = undefined
      epoch++
    }
    for (const tell of listeners) tell(up, why)
  }

  function lost(reason: string): void {
    turn(false, reason)
    probing ??= clock.after(PROBE_MS, () => {
      probing = undefined
      void probe()
    })
  }

  /** A write, because a server that answers may take none. */
  async function probe(): Promise<void> {
    if (closed || isUp || isProbing) return
    isProbing = true
    try {
      await timed(client.call('set', keyOf(doubtful, 'probe'), '1', 'PX', String(PROBE_LIFE_MS)))
      vain = 0
      turn(true, undefined)
    } catch (error) {
      const { message } = error as Error
      vain++
      if (client.status === 'ready' && (OTHER_SERVER.test(message) || vain % DOUBTED_AFTER === 0)) {
        client.disconnect(true)
      }
      lost(message)
    } finally {
      isProbing = false
    }
  }

  /** ioredis keeps the deadline of one try; a Cluster may make several of them. */
  function timed<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = clock.after(config.commandTimeoutMs, () => reject(new RedisLost('no answer in time')))
      work.then(
        answer => {
          timer.cancel()
          resolve(answer)
        },
        (error: Error) => {
          timer.cancel()
          reject(error)
        },
      )
    })
  }

  async function run(work: () => Promise<unknown>, tag: string): Promise<unknown> {
    if (!isUp) throw new RedisLost(why ?? 'closed')
    commands++
    try {
      return await timed(work())
    } catch (error) {
      const { name, message } = error as Error
      // What a script or a command got wrong is our mistake, and no loss.
      if (name === 'ReplyError' && !REFUSALS.test(message)) throw error
      doubtful = tag
      if (OTHER_SERVER.test(message)) client.disconnect(true)
      lost(message)
      throw new RedisLost(message)
    }
  }

  async function evaluate(
    { lua, sha }: Script,
    keys: readonly string[],
    args: readonly RedisArg[],
    wantsBytes: boolean,
  ): Promise<unknown> {
    const ask = (command: string, text: string) =>
      wantsBytes
        ? client.callBuffer(command, text, keys.length, ...keys, ...args)
        : client.call(command, text, keys.length, ...keys, ...args)
    const tag = tagOf(keys[0])
    try {
      return await run(() => ask('evalsha', sha), tag)
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
      return run(() => ask('eval', lua), tag)
    }
  }

  function listen(): Client {
    const ear = makeListeningClient(client)
    ear.on('error', () => undefined)
    ear.on('ready', () => {
      for (const channel of ears.keys()) void ear.subscribe(channel).catch(() => undefined)
    })
    ear.on('message', (channel: string, message: string) => {
      for (const hear of ears.get(channel) ?? []) hear(message)
    })
    return ear
  }

  client.on('ready', () => void probe())
  // While it is down, what was wrong before tells more.
  client.on('close', () => {
    if (isUp) lost('connection closed')
  })
  client.on('error', (error: Error) => {
    if (!isUp) why = error.message
  })

  return {
    get isUp() {
      return isUp
    },
    get why() {
      return why
    },
    get epoch() {
      return epoch
    },
    get commands() {
      return commands
    },
    key: keyOf,
    call: (command, ...args) => run(() => client.call(command, ...args), tagOf(args[0])),
    callBuffer: (command, ...args) => run(() => client.callBuffer(command, ...args), tagOf(args[0])),
    eval: (script, keys, args) => evaluate(script, keys, args, false),
    evalBuffer: (script, keys, args) => evaluate(script, keys, args, true),
    onChange(tell) {
      listeners.add(tell)
      if (isUp) tell(true, undefined)
    },
    subscribe(channel, hear) {
      const heard = ears.get(channel)
      if (heard) return void heard.push(hear)
      ears.set(channel, [hear])
      listening ??= listen()
      // One that is not connected yet subscribes when it is, and again after every loss.
      if (listening.status === 'ready') void listening.subscribe(channel).catch(() => undefined)
    },
    close() {
      closed = true
      isUp = false
      why = 'closed'
      probing?.cancel()
      listening?.disconnect()
      client.disconnect()
      return Promise.resolve()
    },
  }
}

function tagOf(key: RedisArg | undefined): string {
  return /\{([^}]+)\}/.exec(String(key))?.[1] ?? 'probe'
}
