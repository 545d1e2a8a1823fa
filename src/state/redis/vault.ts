/**
 * The vault that several nodes share. A body lies sealed under a name of its own, as it would lie in a file
 * (`embedded/seal.ts`): one value, written and read in pieces of 64 KiB, so that no piece holds up a Redis that all wait
 * for. Which copy it belongs to stands in the hash of its subject; a body that is named nowhere runs out by itself.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import { makeStore } from '../../base/store.js'
import type { CopyFacts, Vault } from '../../base/vault.js'
import { makeDeposit, type OpenDeposit } from '../embedded/deposit.js'
import { makeSeal, SALT_BYTES } from '../embedded/seal.js'
import type { OpenFile, Shelf } from '../embedded/shelf.js'
import { openCopy } from '../embedded/withdrawal.js'
import { makeClosedVault } from '../memory.js'
import type { RedisConnection } from './connection.js'

/** Where a copy lies. */
export interface Shelved {
  /** As the scripts name it. */
  readonly subject: string
  readonly name: string
  readonly headBytes: number
  readonly bodyBytes: number
}

export interface SharedVaultParts {
  /** 32 bytes; without them no body leaves the memory. */
  readonly key: Buffer | undefined
  readonly connection: RedisConnection
  readonly clock: Clock
  /** `undefined`: lost, or too slow. */
  readonly inTime: <T>(work: Promise<T>) => Promise<T | undefined>
  /** The same of what no call waits for. */
  readonly inItsTime: <T>(work: Promise<T>) => Promise<T | undefined>
  readonly subjectOf: (facts: CopyFacts) => string
  /** Enters it where the world still stands as `stamp` says. `undefined`: it does not. */
  readonly put: (
    facts: CopyFacts & { readonly answeredAgoMs: number },
    where: Pick<Shelved, 'name' | 'headBytes'>,
    stamp: string,
  ) => Promise<{ readonly replaced: string } | undefined>
  readonly removed: (subject: string, id: string) => void
  readonly hasRoom: () => boolean
  /** As old as it may become. */
  readonly lifeMs: (facts: CopyFacts) => number
}

export interface SharedVault {
  readonly vault: Vault
  readonly shelf: Pick<Shelf, 'discard'>
  /** Another node keeps this copy there. */
  readonly meet: (id: string, shelved: Shelved) => void
}

/** Of a body that is being written. */
const UNFINISHED_MS = 60_000
/** Of one that nobody will ask for: whoever reads it, at whichever node, reads it to its end. */
const READ_OUT_MS = 300_000
/** Some 250 bytes each; one that falls out is asked for again. */
const MAX_SHELVED = 100_000

export function makeSharedVault(parts: SharedVaultParts): SharedVault {
  const { key, connection, clock, inTime, inItsTime, subjectOf, put, removed, hasRoom, lifeMs } = parts
  const scaleMs = clock.wallMs() - clock.nowMs()
  const shelves = makeStore<Shelved>(MAX_SHELVED)
  const depositing = new Map<string, Set<OpenDeposit>>()
  const finishing = new Set<Promise<unknown>>()
  const bodyOf = (name: string) => connection.key(name, 'b')
  /** Small bodies, until their facts say how long they are wanted. */
  const putting = new Map<string, Buffer>()

  const shelf: Pick<Shelf, 'put' | 'create' | 'discard'> = {
    put: (name, bytes) => void putting.set(name, bytes),
    create: name => Promise.resolve(openBody(name)),
    discard(names) {
      for (const name of names)
        if (name !== '') void inItsTime(connection.call('pexpire', bodyOf(name), READ_OUT_MS, 'LT'))
    },
  }

  function openBody(name: string): OpenFile {
    const body = bodyOf(name)
    return {
      async read(into, at) {
        const bytes = await inTime(connection.callBuffer('getrange', body, at, at + into.length - 1))
        return Buffer.isBuffer(bytes) ? bytes.copy(into) : 0
      },
      async write(bytes, at) {
        const kept = connection.call('setrange', body, at, bytes)
        const expires = connection.call('pexpire', body, UNFINISHED_MS)
        const [isKept] = await Promise.all([inItsTime(kept), inItsTime(expires)])
        return isKept === undefined ? 0 : bytes.length
      },
      sync: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
  }

  async function enter(facts: CopyFacts, where: Shelved, isWanted: () => boolean): Promise<boolean> {
    const { name } = where
    const small = putting.get(name)
    putting.delete(name)
    const { stamp = '' } = facts
    if (stamp === '' || !isWanted() || !connection.isUp || !hasRoom()) return false
    const [body, life] = [bodyOf(name), Math.ceil(lifeMs(facts))]
    const isBodyThere = inItsTime(
      small ? connection.call('set', body, small, 'PX', life) : connection.call('pexpire', body, life),
    )
    const answeredAgoMs = clock.nowMs() + scaleMs - facts.answeredWallMs
    const [isThere, told] = await Promise.all([
      isBodyThere,
      inItsTime(put({ ...facts, answeredAgoMs }, where, stamp)),
    ])
    if (isThere === undefined || !told) return false
    if (!isWanted()) {
      removed(where.subject, facts.id)
      return false
    }
    shelves.set(facts.id, where)
    shelf.discard([told.replaced])
    return true
  }

  function finished<T>(work: Promise<T>): Promise<T> {
    finishing.add(work)
    return work.finally(() => finishing.delete(work))
  }

  const meet = (id: string, shelved: Shelved) => shelves.set(id, shelved)
  if (!key) return { vault: { ...makeClosedVault(), isShared: true }, shelf, meet }

  const vault: Vault = {
    isOpen: true,
    isShared: true,
    load: () => [],
    deposit(id, head) {
      const salt = randomBytes(SALT_BYTES)
      const name = salt.toString('hex')
      const deposits = depositing.get(id) ?? new Set()
      depositing.set(id, deposits)
      const deposit = makeDeposit(head, {
        name,
        seal: makeSeal(key, salt, id, head.length),
        shelf,
        fsync: false,
        enter: (facts, isWanted) =>
          enter(
            { ...facts, id },
            { subject: subjectOf(facts), name, headBytes: head.length, bodyBytes: facts.bytes },
            isWanted,
          ),
        ended() {
          deposits.delete(deposit)
          if (deposits.size === 0 && depositing.get(id) === deposits) depositing.delete(id)
        },
      })
      deposits.add(deposit)
      return {
        ...deposit,
        keep: facts => finished(deposit.keep(facts)),
        discard: () => void finished(deposit.discard()),
      }
    },
    async withdraw(id) {
      const shelved = shelves.get(id)
      if (!shelved) return undefined
      const { name, headBytes } = shelved
      const forget = () => {
        if (shelves.get(id) !== shelved) return
        shelves.delete(id)
        removed(shelved.subject, id)
      }
      try {
        const seal = makeSeal(key, Buffer.from(name, 'hex'), id, headBytes)
        const withdrawal = await openCopy(openBody(name), shelved, seal, forget)
        if (shelves.get(id) === shelved) return withdrawal
        // It is gone, or another one has taken its place meanwhile.
        withdrawal.close()
        return vault.withdraw(id)
      } catch {
        forget()
        return undefined
      }
    },
    remove(ids) {
      for (const id of ids) {
        for (const deposit of depositing.get(id) ?? []) deposit.spoil()
        const shelved = shelves.get(id)
        if (!shelved) continue
        shelves.delete(id)
        removed(shelved.subject, id)
      }
    },
    async close() {
      await Promise.all(finishing)
    },
  }
  return { vault, shelf, meet }
}
