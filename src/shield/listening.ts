/** What other nodes have seen, as it comes: what is untrue since is dropped here, too. */
import type { Clock } from '../base/clock.js'
import type { Commons } from '../base/commons.js'
import type { Copies } from './copies.js'
import type { Denials } from './denials.js'
import type { Fellows } from './fellows.js'
import { lossKey } from './learn.js'
import type { Polls } from './polls.js'
import type { Hearing } from './telling.js'
import type { Tokens } from './tokens.js'
import type { UnderWay } from './under-way.js'

/** Those of this node: what happens to them here is told to nobody. */
export interface ListeningParts {
  readonly commons: Commons
  readonly clock: Clock
  readonly hearing: Hearing
  readonly fellows: Fellows
  readonly copies: Copies
  readonly tokens: Tokens
  readonly denials: Denials
  readonly polls: Polls
  readonly underWay: UnderWay
}

export function listen(parts: ListeningParts): void {
  const { commons, clock, hearing, fellows, copies, tokens, denials, polls, underWay } = parts
  commons.hear(news => {
    switch (news.kind) {
      case 'dropped': {
        const { account, envelope, viewer } = news
        underWay.void({ account, envelope, viewer })
        const dropped = copies.drop({ account, envelope, viewer })
        if (viewer === undefined || envelope === undefined || dropped.length === 0) return
        polls.written(lossKey(envelope, viewer), clock.nowMs())
        return commons.lost(envelope, viewer)
      }
      case 'written':
        return polls.written(news.key, clock.nowMs())
      case 'denied':
        return denials.add(news.envelope, news.viewers, news.resource)
      case 'refused':
        return tokens.forget({ token: news.token, id: news.token }, clock.nowMs())
      case 'over':
        return fellows.over(news.keys)
      case 'missed':
        hearing.session++
        tokens.doubt()
        return fellows.missed()
    }
  })
}
