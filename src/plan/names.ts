/** Whom a trace means: with its key, names of the settings can be hashed, and so be found again; without it hashes stay. */
import type { Names } from './calls.js'

export type Hash = (kind: 'app' | 'account', name: string) => string

export interface KnownNames extends Names {
  /** How the trace calls it. */
  hashOf(kind: 'app' | 'account', name: string): string
  /** A name that the settings have. */
  knows(kind: 'app' | 'account', name: string): void
}

/** @param hash `undefined` where a trace has no key beside it, or a model calls everybody by his name */
export function makeNames(hash: Hash | undefined): KnownNames {
  const known = { app: new Map<string, string>(), account: new Map<string, string>() }
  const hashOf: Hash = (kind, name) => hash?.(kind, name.toLowerCase()) ?? name
  return {
    hashOf,
    knows: (kind, name) => void known[kind].set(hashOf(kind, name), name),
    app: called => known.app.get(called) ?? called,
    account: called => known.account.get(called) ?? called,
  }
}
