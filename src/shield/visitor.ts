/** A call, and who makes it, as the shield names them. */
import type { IncomingHttpHeaders } from 'node:http'
import { keyOf } from '../base/key.js'
import type { Call } from '../base/types.js'
import type { Credential } from './credential.js'

export interface Visitor {
  readonly call: Call
  readonly headers: IncomingHttpHeaders
  readonly credential: Credential | undefined
  readonly account: string
  /** '' where the path names none. */
  readonly envelope: string
  /** What it sends, where that was received whole. */
  readonly body: Buffer | undefined
}

/** A class and no literal, because of its getters: see `entry/audience.ts`. */
export class Caller implements Visitor {
  readonly call: Call
  readonly headers: IncomingHttpHeaders
  readonly credential: Credential | undefined
  readonly body: Buffer | undefined
  readonly #accountKey: (account: string | undefined) => string
  #account: string | undefined
  #envelope: string | undefined

  constructor(
    call: Call,
    headers: IncomingHttpHeaders,
    credential: Credential | undefined,
    accountKey: (account: string | undefined) => string,
    body: Buffer | undefined,
  ) {
    this.call = call
    this.headers = headers
    this.credential = credential
    this.#accountKey = accountKey
    this.body = body
  }

  /** Made when it is asked for: what is neither kept nor answered from a copy needs none. */
  get account(): string {
    return (this.#account ??= this.#accountKey(this.call.account))
  }

  /** Made when it is asked for: what a copy answers does not. */
  get envelope(): string {
    const { envelope } = this.call
    return (this.#envelope ??= envelope === undefined ? '' : envelopeKey(envelope))
  }
}

export function envelopeKey(envelope: string): string {
  return keyOf('envelope', envelope)
}
