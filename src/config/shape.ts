import type { Kind } from './kinds.js'

/** DocuSign's two worlds. They share nothing: accounts, keys and limits differ. */
export type Environment = 'demo' | 'production'

/** A setting with one value. */
export interface Leaf<V> {
  readonly type: 'leaf'
  readonly kind: Kind<unknown>
  readonly fallback: V | undefined
  /** Stands in for `fallback` where the default hangs on `upstream.environment`. */
  readonly byEnvironment: Readonly<Record<Environment, V>> | undefined
  readonly meaning: string
}

/** Settings that repeat under names of the operator's choosing. Names are unique without regard to case. */
export interface Named<T> {
  readonly type: 'named'
  readonly name: { readonly pattern: RegExp; readonly reserved: readonly string[]; readonly error: string }
  readonly settings: T
  readonly meaning: string
}

export type Table = Readonly<Record<string, Leaf<unknown> | Named<Readonly<Record<string, Leaf<unknown>>>>>>

type ValueOf<T> =
  T extends Leaf<infer V> ? V : T extends Named<infer S> ? Readonly<Record<string, Tree<S>>> : never

type First<P> = P extends `${infer Head}.${string}` ? Head : P

/** `{ 'a.b': Leaf<number> }` becomes `{ a: { b: number } }`. */
export type Tree<T> = {
  readonly [H in First<keyof T & string>]: H extends keyof T
    ? ValueOf<T[H]>
    : Tree<{ [P in keyof T & string as P extends `${H}.${infer Rest}` ? Rest : never]: T[P] }>
}

/** A setting with one default. */
export function leaf<V>(kind: Kind<V>, fallback: NoInfer<V>, meaning: string): Leaf<V> {
  return { type: 'leaf', kind, fallback, byEnvironment: undefined, meaning }
}

/** A setting that may be left unset. */
export function optional<V>(kind: Kind<V>, meaning: string): Leaf<V | undefined> {
  return { type: 'leaf', kind, fallback: undefined, byEnvironment: undefined, meaning }
}

/** A setting whose default is one thing for `demo` and another for `production`. */
export function perEnvironment<V>(
  kind: Kind<V>,
  byEnvironment: Readonly<Record<Environment, NoInfer<V>>>,
  meaning: string,
): Leaf<V> {
  return { type: 'leaf', kind, fallback: undefined, byEnvironment, meaning }
}
