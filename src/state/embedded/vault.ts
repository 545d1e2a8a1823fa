/** The vault in the folder of the state: sealed files, and a catalogue of them in the durable store. */
import { randomBytes } from 'node:crypto'
import type { Turns } from '../../base/clock.js'
import type { Vault } from '../../base/vault.js'
import { makeClosedVault } from '../memory.js'
import { makeCatalogue, type Shelved } from './catalogue.js'
import { makeDeposit, type OpenDeposit } from './deposit.js'
import type { Contents, Home } from './home.js'
import { makeSeal, markOf, SALT_BYTES } from './seal.js'
import { makeShelf } from './shelf.js'
import { openCopy } from './withdrawal.js'

export interface VaultConfig {
  readonly path: string
  readonly fsync: boolean
  /** 32 bytes. Without one no body leaves the memory, and those of earlier runs are removed. */
  readonly vaultKey: Buffer | undefined
}

/** The vault, and what a file of this run begins with. */
export interface EmbeddedVault {
  readonly vault: Vault
  readonly contents: Contents
  /** Removes what no one will ask for, while the process does other things. Once that file is begun. */
  tidy(): void
}

/** Reads what the last run left. @param wallMs now */
export function makeEmbeddedVault(
  config: VaultConfig,
  home: Home,
  turns: Turns,
  wallMs: number,
): EmbeddedVault {
  const { vaultKey: key, fsync } = config
  const shelf = makeShelf(config.path)
  const { catalogue, inherited, contents } = makeCatalogue(home, key && markOf(key), {
    turns,
    replaced: name => shelf.discard([name]),
    wallMs,
  })
  let tidying = Promise.resolve()
  const tidy = (work: () => Promise<void>) => {
    // An index that could not be read, or is another's by now, may know of files that this one does not.
    if (home.health().up) tidying = work().catch(() => undefined)
  }
  if (!key) {
    const close = () => tidying
    return {
      vault: { ...makeClosedVault(), close },
      contents,
      tidy: () => tidy(() => shelf.clear()),
    }
  }

  let remembered = inherited
  const depositing = new Map<string, Set<OpenDeposit>>()
  const finishing = new Set<Promise<unknown>>()
  /** Files that came since tidying began. */
  let young: Set<string> | undefined

  function finished<T>(work: Promise<T>): Promise<T> {
    finishing.add(work)
    return work.finally(() => finishing.delete(work))
  }

  async function sweep(): Promise<void> {
    const missing = catalogue.all()
    young = new Set()
    try {
      await shelf.sweep(name => missing.delete(name) || young?.has(name) === true)
    } finally {
      young = undefined
    }
    strike([...missing].filter(([name, id]) => catalogue.find(id)?.name === name).map(([, id]) => id))
  }

  function strike(ids: readonly string[]): void {
    const { names, isKept } = catalogue.strike(ids)
    // A later run that still finds it in the catalogue must find no file.
    if (isKept) shelf.discard(names)
    else shelf.discardNow(names)
  }

  async function read(id: string, shelved: Shelved) {
    const drop = () => {
      if (catalogue.find(id) === shelved) strike([id])
    }
    try {
      const seal = makeSeal(key as Buffer, Buffer.from(shelved.name, 'hex'), id, shelved.headBytes)
      return await openCopy(await shelf.open(shelved.name), shelved, seal, drop)
    } catch {
      drop()
      return undefined
    }
  }

  const vault: Vault = {
    isOpen: true,
    isShared: false,
    load() {
      const all = remembered
      remembered = []
      return all
    },
    deposit(id, head) {
      const salt = randomBytes(SALT_BYTES)
      const name = salt.toString('hex')
      young?.add(name)
      const deposits = depositing.get(id) ?? new Set()
      depositing.set(id, deposits)
      const deposit = makeDeposit(head, {
        name,
        seal: makeSeal(key, salt, id, head.length),
        shelf,
        fsync,
        enter: (facts, isWanted) =>
          catalogue.enter(
            { name, headBytes: head.length, bodyBytes: facts.bytes },
            { ...facts, id },
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
      const shelved = catalogue.find(id)
      if (!shelved) return undefined
      const withdrawal = await read(id, shelved)
      if (catalogue.find(id) === shelved) return withdrawal
      // It is gone, or another one has taken its place meanwhile.
      withdrawal?.close()
      return vault.withdraw(id)
    },
    remove(ids) {
      for (const id of ids) for (const deposit of depositing.get(id) ?? []) deposit.spoil()
      strike(ids)
    },
    async close() {
      await Promise.all([tidying, ...finishing])
      await shelf.settled()
    },
  }
  return { vault, contents, tidy: () => tidy(sweep) }
}
