import type { Clock } from '../base/clock.js'
import type { OnLoss, Pool } from '../base/pool.js'
import type { Budget } from './budget.js'
import type { Purse } from './purse.js'

/** What a purse asks of its account. */
export interface PurseOwner {
  readonly budget: Budget
  readonly key: string
  /** Those who wait in its lanes. */
  readonly inLane: number
  wake(): void
}

/** What all purses have in common. */
export interface PurseHouse {
  readonly pool: Pool
  readonly clock: Clock
  onLoss(): OnLoss
  /** Between 0 and 1: what all nodes would do at one moment is spread over a while. */
  random(): number
  /** Another node has seen that two names are one account's; the second is its GUID. */
  sameAs(name: string, guid: string): void
  /** It must hear of the pool's coming and going. */
  engaged(purse: Purse): void
  idle(purse: Purse): void
}
