/**
 * Heads that have been read before. Who polls sends one head again and again, byte for byte, and to read it (its framing,
 * its path, whose it is, what it asks for) costs more than all the rest of an answer from a copy (measured). So what was
 * READ of it is kept; whether a copy may answer is asked anew each time. The head itself is not kept, because a token
 * stands in it: it is known by its hash.
 */
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { makeStore } from '../base/store.js'
import type { Question } from '../shield/question.js'

export interface Heads {
  /** What was read of a head that was the same. */
  known(req: IncomingMessage): Question | undefined
  /** @param question read of this head, and without its lines */
  keep(req: IncomingMessage, question: Question): void
}

interface Known {
  readonly print: string
  readonly question: Question
}

/** All heads with one target. */
interface Alike {
  readonly heads: Known[]
  /** Since one was last known: where each has a line of its own (`traceparent`), none ever is. */
  strange: number
}

const MAX_TARGETS = 5_000
const MAX_TARGET_CHARS = 512
const MAX_HEADS = 4
export const MAX_STRANGE = 20

/** What is kept is true for as long as the settings are by which heads are read. */
export function makeHeads(): Heads {
  const targets = makeStore<Alike>(MAX_TARGETS)

  return {
    known({ url = '', httpVersion, method = '', rawHeaders }) {
      // First by the target alone: most calls are for one that no copy has answered, and pay for no hash.
      const alike = targets.get(url)
      if (!alike || alike.strange >= MAX_STRANGE) return undefined
      const print = printOf(httpVersion, method, url, rawHeaders)
      const known = alike.heads.find(head => head.print === print)
      if (known) alike.strange = 0
      return known?.question
    },
    keep({ url = '', httpVersion, method = '', rawHeaders }, question) {
      if (url.length > MAX_TARGET_CHARS) return
      let alike = targets.get(url)
      if (!alike) targets.set(url, (alike = { heads: [], strange: 0 }))
      if (++alike.strange > MAX_STRANGE) return
      if (alike.heads.length === MAX_HEADS) alike.heads.shift()
      alike.heads.push({ print: printOf(httpVersion, method, url, rawHeaders), question })
    },
  }
}

/** Nothing in a head has a line break in it. */
function printOf(version: string, method: string, url: string, lines: readonly string[]): string {
  return hash('sha256', `${version} ${method} ${url}\n${lines.join('\n')}`, 'base64url')
}
