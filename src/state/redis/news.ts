/**
 * What nodes tell each other at once, on one channel. A message lost must be noticed, because a copy may be untrue since:
 * so each node numbers its messages, sends one a second whatever happens, and hears its own. A number that is missing, of
 * whichever node, says that something was missed. What is heard has keys, never a name, a token or a path.
 */
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../../base/clock.js'
import type { News } from '../../base/commons.js'
import { makeStore } from '../../base/store.js'
import type { RedisConnection } from './connection.js'
import { PULSE } from './shield-tellings.js'

export interface Newsroom {
  readonly channel: string
  /** The last second's own message came back. */
  readonly isHearing: boolean
  /** Of the data in Redis; '' while it is not known. */
  readonly mark: string
  /** The text of a message, numbered: it has to be sent, and before the next. */
  numbered(news: readonly News[]): string
  /** One that may be lost without harm. */
  plain(news: News): string
  /** The data gets another mark. False where that could not be told. */
  remark(news: readonly News[]): Promise<boolean>
  hear(tell: (news: News) => void): void
  /** Called where Redis has come back, or its data is another. */
  onReturn(tell: () => void): void
  close(): void
}

interface Message {
  readonly node: string
  readonly number?: number
  /** The data has another mark from now on. */
  readonly mark?: string
  readonly news: readonly News[]
}

const PULSE_MS = 1_000
/** Own messages that do not come back: two, and what one may take. */
const DEAF_MS = 2_500
const MARK_TTL_MS = 7 * 86_400_000
const MAX_NODES = 1_000
/** A mark stands in stamps, which are numbers. */
const MARK_DIGITS = 12

export function makeNewsroom(connection: RedisConnection, clock: Clock): Newsroom {
  const channel = connection.key('shield', 'news')
  const markKey = connection.key('shield', 'mark')
  const node = randomBytes(9).toString('base64url')
  const numbers = makeStore<{ last: number }>(MAX_NODES)
  const ears: ((news: News) => void)[] = []
  const returns: (() => void)[] = []
  let number = 0
  let heardMs = -Infinity
  let mark = ''
  let timer: Timer | undefined
  let isClosed = false

  function tell(news: News): void {
    for (const ear of ears) ear(news)
  }

  function numbered(news: readonly News[]): string {
    return JSON.stringify({ node, number: ++number, news } satisfies Message)
  }

  function hearMessage(text: string): void {
    const message = read(text)
    if (!message) return
    if (message.number !== undefined) {
      // Of one that was not heard before, too: what it told until now may have been told in vain.
      const last = numbers.get(message.node)?.last ?? 0
      if (message.number !== last + 1) tell({ kind: 'missed' })
      numbers.set(message.node, { last: message.number })
    }
    if (message.mark !== undefined) mark = message.mark
    if (message.node === node) heardMs = clock.nowMs()
    // Its own are for what waits here alone.
    for (const news of message.news) if (message.node !== node || news.kind === 'over') tell(news)
  }

  async function pulse(): Promise<void> {
    if (connection.isUp) {
      const args = [MARK_TTL_MS, newMark(), channel, numbered([])]
      const told = await connection.eval(PULSE, [markKey], args).catch(() => undefined)
      if (typeof told === 'string' && told !== mark) {
        const isAnother = mark !== ''
        mark = told
        if (isAnother) for (const one of returns) one()
      }
    }
  }

  function beat(): void {
    if (isClosed) return
    void pulse()
    timer = clock.after(PULSE_MS, beat)
  }

  connection.subscribe(channel, hearMessage)
  connection.onChange(isUp => {
    if (!isUp || isClosed) return
    // What the others told while it was away.
    tell({ kind: 'missed' })
    void pulse().then(() => {
      for (const one of returns) one()
    })
  })
  beat()

  return {
    channel,
    get isHearing() {
      return clock.nowMs() - heardMs < DEAF_MS
    },
    get mark() {
      return mark
    },
    numbered,
    plain: news => JSON.stringify({ node, news: [news] } satisfies Message),
    async remark(news) {
      mark = newMark()
      const message = JSON.stringify({ node, number: ++number, mark, news } satisfies Message)
      const isSet = connection.call('set', markKey, mark, 'PX', MARK_TTL_MS)
      const isTold = connection.call('publish', channel, message)
      const done = await Promise.allSettled([isSet, isTold])
      return done.every(({ status }) => status === 'fulfilled')
    },
    hear: ear => void ears.push(ear),
    onReturn: one => void returns.push(one),
    close() {
      isClosed = true
      timer?.cancel()
    },
  }
}

/** What another version of us, or another program, says there must not end this one. */
function read(text: string): Message | undefined {
  try {
    const message = JSON.parse(text) as Partial<Message> | null
    return typeof message?.node === 'string' && Array.isArray(message.news) ? (message as Message) : undefined
  } catch {
    return undefined
  }
}

function newMark(): string {
  return String(randomBytes(6).readUIntBE(0, 6)).padStart(MARK_DIGITS, '0').slice(0, MARK_DIGITS)
}
