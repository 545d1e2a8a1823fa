/** The three apps of the day, and what they were told. They know nothing of who stands between them and DocuSign. */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { PATIENCE_MS } from './day-contenders.js'
import { ENDS, type Read } from './day-judge.js'
import type { App, DaySize, Errand } from './day-plan.js'

export interface Told {
  readonly status: number
  readonly retryAfterMs: number | undefined
  readonly body: string
  readonly askedMs: number
  readonly endedMs: number
}

export interface Line {
  readonly account: number
  readonly app: App
  readonly does: 'create' | 'batch' | 'void' | 'read'
  readonly askedMs: number
  readonly endedMs: number
  /** Whether there was an answer of 2xx in the end. */
  readonly isAnswered: boolean
}

export interface Diary {
  readonly lines: readonly Line[]
  readonly reads: readonly Read[]
  /** Answers that said no. */
  readonly refusals: number
  /** By envelope: when the void was sent, and when its answer came. */
  readonly voids: ReadonlyMap<string, { readonly askedMs: number; readonly endedMs: number }>
}

export interface Town {
  readonly port: number
  readonly accounts: readonly string[]
  /** By account. */
  readonly envelopes: readonly (readonly string[])[]
  readonly tokens: Readonly<Record<App, string>>
}

const FETCHERS = 6
const NEW_ENVELOPE = JSON.stringify({
  status: 'sent',
  emailSubject: 'For your signature',
  documents: [{ documentId: '1', name: 'Paper', documentBase64: Buffer.from('paper').toString('base64') }],
  recipients: { signers: [{ recipientId: '1', name: 'Somebody', email: 'somebody@example.com' }] },
})
const VOID = JSON.stringify({ status: 'voided', voidedReason: 'no longer needed' })

/** Resolves when every errand has been answered, given up, or cut off at the end of the day. */
export async function liveThrough(town: Town, errands: readonly Errand[], size: DaySize): Promise<Diary> {
  const beganMs = performance.now()
  const endMs = beganMs + size.hours * size.hourMs + size.graceMs
  const agent = new http.Agent({ keepAlive: true })
  const lines: Line[] = []
  const reads: Read[] = []
  const voids = new Map<string, { askedMs: number; endedMs: number }>()
  const ended = new Set<string>()
  let refusals = 0
  let probes = 0

  async function tell(app: App, method: string, below: string, body?: string): Promise<Told | undefined> {
    const waitMs = Math.min(PATIENCE_MS, endMs - performance.now())
    if (waitMs <= 0) return undefined
    const headers = {
      authorization: `Bearer ${town.tokens[app]}`,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json', 'x-request-probe': `p${probes++}` }),
    }
    const path = `/apps/${app}/restapi/v2.1${below}`
    const told = await ask(town.port, { method, path, headers, agent, waitMs }, body)
    if (told && told.status >= 400) refusals++
    return told
  }

  async function write(
    app: App,
    account: number,
    does: 'create' | 'batch' | 'void',
    target = '',
  ): Promise<Told | undefined> {
    const [method, body] = does === 'void' ? ['PUT', VOID] : ['POST', NEW_ENVELOPE]
    const askedMs = performance.now()
    let told = await tell(app, method, `/accounts/${town.accounts[account]}/envelopes${target}`, body)
    // A job that is told when to come again does so; a person at a desk is shown an error.
    while (does === 'batch' && told?.retryAfterMs !== undefined && performance.now() < endMs) {
      await pause(told.retryAfterMs * (1 + 0.5 * Math.random()))
      told = await tell(app, method, `/accounts/${town.accounts[account]}/envelopes${target}`, body)
    }
    const isAnswered = told !== undefined && told.status < 300
    lines.push({ account, app, does, askedMs, endedMs: told?.endedMs ?? performance.now(), isAnswered })
    return isAnswered ? told : undefined
  }

  async function read(app: App, account: number, envelope: string, part = '', query = ''): Promise<void> {
    const path = `/accounts/${town.accounts[account]}/envelopes/${envelope}${part}`
    const askedMs = performance.now()
    const told = await tell(app, 'GET', `${path}${query}`)
    const endedMs = told?.endedMs ?? performance.now()
    lines.push({ account, app, does: 'read', askedMs, endedMs, isAnswered: told?.status === 200 })
    if (told?.status !== 200) return
    const status = part === '' ? (JSON.parse(told.body) as { status: string }).status : undefined
    if (status !== undefined && ENDS.has(status)) ended.add(envelope)
    reads.push({ app, path, query, envelope, askedMs, status })
  }

  async function run(errand: Errand): Promise<void> {
    const { account, does } = errand
    const envelopes = town.envelopes[account] ?? []
    switch (does) {
      case 'poll':
        return read('poller', account, envelopes[errand.envelope] ?? '')
      case 'look':
        return read('desk', account, envelopes[errand.envelope] ?? '', '', '?include=recipients')
      case 'batch':
        return void (await write('job', account, 'batch'))
      case 'create': {
        const told = await write('desk', account, 'create')
        if (!told) return
        await pause(size.hourMs / 30)
        const { envelopeId } = JSON.parse(told.body) as { envelopeId: string }
        return read('desk', account, envelopeId, '', '?include=recipients')
      }
      case 'void': {
        const envelope = envelopes[errand.envelope] ?? ''
        const told = await write('desk', account, 'void', `/${envelope}`)
        if (!told) return
        voids.set(envelope, { askedMs: told.askedMs, endedMs: told.endedMs })
        return read('desk', account, envelope, '', '?include=recipients')
      }
      case 'fetch': {
        const wanted = envelopes.filter(id => ended.has(id)).values()
        const fetcher = async () => {
          for (const envelope of wanted)
            for (const part of ['/recipients', '/form_data', '/documents/combined'])
              await read('job', account, envelope, part)
        }
        return void (await Promise.all(Array.from({ length: FETCHERS }, fetcher)))
      }
    }
  }

  const running: Promise<void>[] = []
  for (const errand of errands) {
    const waitMs = beganMs + errand.atMs - performance.now()
    if (waitMs > 0) await pause(waitMs)
    running.push(run(errand))
  }
  await Promise.all(running)
  agent.destroy()
  return { lines, reads, refusals, voids }
}

interface Asking {
  readonly method: string
  readonly path: string
  readonly headers: http.OutgoingHttpHeaders
  readonly agent?: http.Agent
  readonly waitMs: number
}

/** Nothing where no answer came in time, or none at all. */
export function ask(port: number, asking: Asking, body?: string): Promise<Told | undefined> {
  const askedMs = performance.now()
  const { waitMs, ...rest } = asking
  return new Promise(resolve => {
    const req = http.request({ host: '127.0.0.1', port, ...rest }, res => {
      let text = ''
      res.setEncoding('latin1')
      res.on('data', (chunk: string) => (text += chunk))
      res.on('error', () => resolve(undefined))
      res.on('end', () => {
        clearTimeout(timer)
        const after = Number(res.headers['retry-after'] ?? NaN)
        const retryAfterMs = Number.isNaN(after) ? undefined : after * 1000
        const status = res.statusCode ?? 0
        resolve({ status, retryAfterMs, body: text, askedMs, endedMs: performance.now() })
      })
    })
    const timer = setTimeout(() => req.destroy(), waitMs)
    req.on('error', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
    req.end(body)
  })
}
