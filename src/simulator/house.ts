import type { Clock } from '../base/clock.js'
import type { FaultRules } from './faults.js'
import { makeFaults } from './faults.js'
import type { OAuth } from './oauth.js'
import { makeOAuth } from './oauth.js'
import type { Named } from './operations/table.js'
import { makeRoutes } from './operations/table.js'
import type { SimulatorOptions } from './options.js'
import type { Pace } from './pace.js'
import { makePace } from './pace.js'
import type { Account, People } from './people.js'
import { makePeople } from './people.js'
import type { Router } from './router.js'
import type { Tokens } from './tokens.js'
import { makeTokens } from './tokens.js'
import type { World } from './world.js'
import { makeWorld } from './world.js'

/** Everything a request may need, wired once. */
export interface House {
  readonly options: SimulatorOptions
  readonly clock: Clock
  readonly pace: Pace
  readonly people: People
  readonly tokens: Tokens
  readonly oauth: OAuth
  readonly faults: FaultRules
  readonly routes: Router<Named>
  /** The world of now; a reset puts a new one in its place. */
  world(): World
  /** Counts, envelopes, faults and used-up limits start anew. People, keys and tokens stay, so that apps go on. */
  reset(): void
  /** Where the simulator is reached, once it listens. */
  url(): string
  setUrl(url: string): void
  readonly baseUri: (account: Account) => string
}

export function makeHouse(options: SimulatorOptions, clock: Clock): House {
  const pace = makePace(options, clock)
  const people = makePeople(options)
  const tokens = makeTokens(pace)
  const faults = makeFaults(options.faults, options.seed)
  let url = ''
  let world = makeWorld(options, pace, people)
  const baseUri = (account: Account) => options.baseUris[account.index] ?? url
  return {
    options,
    clock,
    pace,
    people,
    tokens,
    oauth: makeOAuth({ options, pace, people, tokens, baseUri }),
    faults,
    routes: makeRoutes(),
    world: () => world,
    reset() {
      world = makeWorld(options, pace, people)
      faults.set(options.faults)
    },
    url: () => url,
    setUrl(next) {
      url = next
    },
    baseUri,
  }
}
