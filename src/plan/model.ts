/** A workload in ten lines, where there is no trace yet: who sends how many envelopes, and what is asked of them after that. */

export interface Model {
  readonly accounts: number
  /** 0: all accounts are alike; towards 1: the largest have most of the envelopes. */
  readonly skew: number
  /** Calls an hour of each account; `undefined`: as the settings say. */
  readonly limit: number | undefined
  /** Hours of the day, UTC, in which people work. */
  readonly office: readonly [from: number, to: number]
  /** Saturdays and Sundays are as other days. */
  readonly weekends: boolean
  /** A year; 1: none. */
  readonly growth: number
  readonly apps: readonly ModelApp[]
}

export interface ModelApp {
  readonly name: string
  /** A day, over all accounts. */
  readonly envelopes: number
  /** The hour of the day at which they are all sent, UTC; `undefined`: in office hours. */
  readonly at: number | undefined
  /** Of those sent at one time: within how many seconds. */
  readonly within: number
  /** Seconds until an envelope is completed, on average. */
  readonly open: number
  /** Seconds between two looks at an envelope that is open; 0: nobody looks. */
  readonly poll: number
  /** How often a completed one's document is read. */
  readonly documents: number
  /** Seconds between two list queries of an account; 0: none. */
  readonly lists: number
}

/** How a field of a model is read, its bounds and what it is without it. */
interface Field {
  readonly min: number
  readonly max: number
  readonly fallback: number
}

const A_YEAR_SECONDS = 31_536_000
const WHOLE = {
  accounts: { min: 1, max: 100_000, fallback: 1 },
  skew: { min: 0, max: 0.95, fallback: 0.5 },
  growth: { min: 0.01, max: 100, fallback: 1 },
} satisfies Readonly<Record<string, Field>>
const APP = {
  envelopes: { min: 0, max: 10_000_000, fallback: 0 },
  within: { min: 1, max: 86_400, fallback: 600 },
  open: { min: 1, max: A_YEAR_SECONDS, fallback: 86_400 },
  poll: { min: 0, max: A_YEAR_SECONDS, fallback: 0 },
  documents: { min: 0, max: 100, fallback: 1 },
  lists: { min: 0, max: A_YEAR_SECONDS, fallback: 0 },
} satisfies Readonly<Record<string, Field>>
const NAME = /^[A-Za-z0-9._~-]{1,64}$/
const OFFICE = /^(\d{1,2})-(\d{1,2})$/
const TIME = /^(\d{1,2}):(\d{2})$/
const DEFAULT_OFFICE = [8, 18] as const

type Fields = Readonly<Record<string, unknown>>

/**
 * @param value a YAML document, as plain values
 * @returns the model, or everything that is wrong with it, each with its path
 */
export function readModel(value: unknown): Model | readonly string[] {
  const faults: string[] = []
  const root = fieldsOf(value, '', faults)
  known(root, ['accounts', 'skew', 'limit', 'office', 'weekends', 'growth', 'apps'], '', faults)
  const number = (fields: Fields, name: string, path: string, field: Field) =>
    numberOf(fields[name], path + name, field, faults)
  const apps = Object.entries(fieldsOf(root['apps'], 'apps', faults)).map(([name, one]): ModelApp => {
    const path = `apps.${name}.`
    if (!NAME.test(name)) faults.push(`apps.${name}: a name has 1 to 64 characters of A-Z a-z 0-9 . _ ~ -`)
    const fields = fieldsOf(one, `apps.${name}`, faults)
    known(fields, [...Object.keys(APP), 'at'], path, faults)
    return {
      name,
      at: timeOf(fields['at'], `${path}at`, faults),
      envelopes: number(fields, 'envelopes', path, APP.envelopes),
      within: number(fields, 'within', path, APP.within),
      open: number(fields, 'open', path, APP.open),
      poll: number(fields, 'poll', path, APP.poll),
      documents: Math.round(number(fields, 'documents', path, APP.documents)),
      lists: number(fields, 'lists', path, APP.lists),
    }
  })
  const { limit, weekends } = root
  if (weekends !== undefined && typeof weekends !== 'boolean') faults.push('weekends: must be true or false')
  const model: Model = {
    accounts: Math.round(number(root, 'accounts', '', WHOLE.accounts)),
    skew: number(root, 'skew', '', WHOLE.skew),
    limit:
      limit === undefined || limit === null
        ? undefined
        : Math.round(numberOf(limit, 'limit', { min: 1, max: 10_000_000, fallback: 1 }, faults)),
    office: officeOf(root['office'], faults),
    weekends: weekends === true,
    growth: number(root, 'growth', '', WHOLE.growth),
    apps,
  }
  if (apps.length === 0 && faults.length === 0) faults.push('apps: there must be one at least')
  return faults.length > 0 ? faults : model
}

function fieldsOf(value: unknown, path: string, faults: string[]): Fields {
  if (value === undefined || value === null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Fields
  faults.push(`${path === '' ? 'the model' : path}: must be a map`)
  return {}
}

function known(fields: Fields, names: readonly string[], path: string, faults: string[]): void {
  for (const name of Object.keys(fields)) {
    if (!names.includes(name)) faults.push(`${path}${name}: unknown; there are ${names.join(', ')}`)
  }
}

function numberOf(value: unknown, path: string, { min, max, fallback }: Field, faults: string[]): number {
  if (value === undefined || value === null) return fallback
  if (typeof value === 'number' && value >= min && value <= max) return value
  faults.push(`${path}: must be a number, ${min} to ${max}, not ${JSON.stringify(value)}`)
  return fallback
}

function officeOf(value: unknown, faults: string[]): readonly [number, number] {
  if (value === undefined || value === null) return DEFAULT_OFFICE
  const [, from, to] = OFFICE.exec(textOf(value)) ?? []
  if (from !== undefined && Number(from) < Number(to) && Number(to) <= 24) return [Number(from), Number(to)]
  faults.push(`office: must be hours of the day such as 8-18, not ${JSON.stringify(value)}`)
  return DEFAULT_OFFICE
}

function timeOf(value: unknown, path: string, faults: string[]): number | undefined {
  if (value === undefined || value === null) return undefined
  const [, hours, minutes] = TIME.exec(textOf(value)) ?? []
  if (hours !== undefined && Number(hours) < 24 && Number(minutes) < 60)
    return Number(hours) + Number(minutes) / 60
  faults.push(`${path}: must be a time such as "02:00", not ${JSON.stringify(value)}`)
  return undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
