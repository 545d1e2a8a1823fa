import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from './answer.js'
import type { Envelopes } from './envelopes.js'
import { makeEnvelopes } from './envelopes.js'
import type { Lives } from './life.js'
import { makeLives } from './life.js'
import type { Meter } from './meter.js'
import { makeMeter } from './meter.js'
import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'
import type { Account, People } from './people.js'
import type { User } from './people.js'
import type { RequestLogs } from './request-logs.js'
import { makeRequestLogs } from './request-logs.js'
import { sow } from './seeding.js'
import type { Tickets } from './tickets.js'
import { makeTickets } from './tickets.js'
import type { Upload } from './upload.js'

/** All that a reset makes anew. */
export interface World {
  readonly lives: Lives
  readonly envelopes: Envelopes
  readonly meter: Meter
  readonly logs: RequestLogs
  readonly tickets: Tickets
}

export function makeWorld(options: SimulatorOptions, pace: Pace, people: People): World {
  const lives = makeLives(options, pace)
  const envelopes = makeEnvelopes(options.seed, pace, lives)
  for (const seed of options.envelopes) {
    const sown = sow({ people, envelopes, lives, pace }, seed)
    if (typeof sown === 'string') throw new Error(`options.envelopes: ${sown}`)
  }
  const meter = makeMeter(options, pace, people)
  return { lives, envelopes, meter, logs: makeRequestLogs(), tickets: makeTickets() }
}

/** One authenticated REST call, as an operation sees it. */
export interface Visit {
  readonly world: World
  readonly people: People
  readonly pace: Pace
  readonly options: SimulatorOptions
  readonly account: Account
  /** On whose rights it is done: the token's user, or the one acted for. */
  readonly user: User
  readonly app: string
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly upload: Upload
  readonly baseUri: (account: Account) => string
}

export type Operation = (visit: Visit) => Answer
