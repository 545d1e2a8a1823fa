/**
 * One account has two names, a GUID and a short number, and DocuSign takes either in a path (facts 4). Kept apart, they
 * would be two budgets for one allowance; so an answer that shows both is read for them.
 *
 * Two answers do. `GET /accounts/{accountId}` tells the account's GUID (`accountIdGuid`) and, as a rule, its number
 * (`externalAccountId`); one of the two must be the name in the path, or the answer is about another account than the
 * one that was asked for. `GET /login_information` names no account in its path and lists those of the caller, each
 * with its number (`accountId`) and its GUID (`accountIdGuid`); it is believed because both stand side by side in an
 * object of DocuSign's own making, and only where the whole list pairs them one to one.
 */
import { decoded } from '../base/content-coding.js'
import type { Call } from '../base/types.js'

/** Both as keys: digits, and a lower-case GUID of 36 characters. */
export interface Alias {
  readonly number: string
  readonly guid: string
}

/** The most that a body may hold to be read; the plainest answer has some 1,500 bytes. */
export const MAX_ALIAS_BYTES = 262_144

const API = '/restapi/v2'
const NUMBER = /^[1-9]\d{0,18}$/
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const JSON_TYPE = /^application\/json\s*(?:;|$)/i

/** Whether a 200 to this call shows both names of an account, and in which way. */
export function aliasRoute({ method, resource, account }: Call): 'account' | 'login' | undefined {
  // Every GET is asked: its slashes are looked for one by one, because most have more of them than these two.
  if (method !== 'GET' || !resource.startsWith(API)) return undefined
  const third = resource.indexOf('/', API.length)
  if (third === -1) return undefined
  const fourth = resource.indexOf('/', third + 1)
  if (fourth === -1) return resource.slice(third + 1) === 'login_information' ? 'login' : undefined
  return account !== undefined && !resource.includes('/', fourth + 1) ? 'account' : undefined
}

/**
 * The pairs that a 200 to such a call shows; none where the body is no such answer, or is larger than MAX_ALIAS_BYTES.
 * Never throws.
 */
export function readAliases(
  call: Call,
  body: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): readonly Alias[] {
  const route = aliasRoute(call)
  if (route === undefined || !JSON_TYPE.test(contentType ?? '')) return []
  const value = parsed(body, contentEncoding ?? '')
  if (value === undefined) return []
  if (route === 'login') return oneToOne(listed(value))
  const alias = told(value, call.account ?? '')
  return alias ? [alias] : []
}

/** The number in the path is enough where the answer tells only the GUID; one that contradicts the path is not ours. */
function told(value: Fields, account: string): Alias | undefined {
  const guid = guidIn(value['accountIdGuid'])
  const number = numberIn(value['externalAccountId'] ?? account)
  if (guid === undefined || number === undefined) return undefined
  return account === guid || account === number ? { number, guid } : undefined
}

function listed(value: Fields): Alias[] {
  const accounts = value['loginAccounts']
  if (!Array.isArray(accounts)) return []
  return accounts.flatMap((entry: unknown): Alias[] => {
    if (!isFields(entry)) return []
    const number = numberIn(entry['accountId'])
    const guid = guidIn(entry['accountIdGuid'])
    return number === undefined || guid === undefined ? [] : [{ number, guid }]
  })
}

/** A name with two partners is no name: nothing of such a list is believed. */
function oneToOne(aliases: readonly Alias[]): readonly Alias[] {
  const pairs = new Map(aliases.map(alias => [`${alias.number} ${alias.guid}`, alias]))
  const numbers = new Set(aliases.map(({ number }) => number))
  const guids = new Set(aliases.map(({ guid }) => guid))
  return numbers.size === pairs.size && guids.size === pairs.size ? [...pairs.values()] : []
}

type Fields = Readonly<Record<string, unknown>>

function parsed(body: Buffer, encoding: string): Fields | undefined {
  const text = decoded(body, encoding, MAX_ALIAS_BYTES)?.toString('utf8')
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** DocuSign writes numbers as strings (facts 6.1); an actual number could have lost digits on its way. */
function numberIn(value: unknown): string | undefined {
  return typeof value === 'string' && NUMBER.test(value) ? value : undefined
}

function guidIn(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  return GUID.test(text) ? text : undefined
}
