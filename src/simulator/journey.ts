import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './answer.js'
import { html } from './answer.js'
import { fractionOf, guidOf } from './chance.js'
import { answerControl } from './control.js'
import type { Fault } from './faults.js'
import { faultAnswer } from './faults.js'
import type { House } from './house.js'
import { limitHeaders } from './limit-headers.js'
import type { RestCall } from './rest.js'
import { answerCall, countCall } from './rest.js'
import { reset, send } from './send.js'
import { answerUnmetered, oauthRouteOf } from './unmetered.js'

/**
 * A request's way, from its head to the end of its answer:
 *
 *   head → counted → struck by a fault? → slow? → refused for a limit? → done → sent
 *          (arrival)
 */
export function makeJourney(house: House) {
  const { options, clock, pace, faults } = house
  let drawn = 0
  const node = `DA2DFE${guidOf(options.seed, 'node').slice(0, 3).toUpperCase()}`

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = readTarget(req.url ?? '/')
    if (target === undefined) {
      await sendPlain(req, res, html(400, 'Bad Request'))
      return
    }
    const { path, query } = target
    if (/^\/_sim(\/|$)/.test(path)) {
      await sendPlain(req, res, await answerControl(house, req, path, query))
      return
    }
    const { counts } = house.world().meter
    counts.arrivals += 1
    const call = /^\/restapi(\/|$)/i.test(path) ? countCall(house, req, path.slice(8), query) : undefined
    const fault = faults.strike(req.method ?? 'GET', path)
    if (fault) counts.faultsStruck += 1

    const waitMs =
      options.latencyMs +
      fractionOf(options.seed, (drawn += 1), 5) * options.jitterMs +
      (fault?.latencyMs ?? 0)
    if (waitMs > 0 && !(await waited(waitMs, res))) {
      settle(call, path, 0)
      return
    }
    if (fault?.kind === 'reset-before' || fault?.kind === 'stall') {
      settle(call, path, 0)
      if (fault.kind === 'reset-before') reset(res)
      return
    }
    const startedMs = pace.wallMs()
    const answer = await answerTo(req, res, call, path, query, fault).catch((error: unknown) => {
      settle(call, path, 0)
      throw error
    })
    const traceToken = randomUUID()
    settle(call, path, answer.status, traceToken, startedMs)
    await send(req, res, answer, {
      headers: headersOf(req, call, fault, traceToken, startedMs),
      gzip: options.gzip,
      fault: fault?.kind ?? 'none',
    })
  }

  function answerTo(
    req: IncomingMessage,
    res: ServerResponse,
    call: RestCall | undefined,
    path: string,
    query: string,
    fault: Fault | undefined,
  ): Promise<Answer> {
    if (fault?.kind === 'status') return Promise.resolve(faultAnswer(fault))
    return call ? answerCall(house, call, res) : answerUnmetered(house, req, path, query)
  }

  /** Tells the books what became of a request; status 0 is no answer at all. */
  function settle(call: RestCall | undefined, path: string, status: number, traceToken = '', atMs = 0): void {
    const { meter } = call?.world ?? house.world()
    if (!call) {
      const route = oauthRouteOf(path)
      if (route) meter.oauthAnswered(route, status)
      return
    }
    meter.answered(status)
    call.look?.answered(status)
    const operation = call.match?.target.name ?? 'Unknown'
    if (!call.session || operation.includes('RequestLog')) return
    const entry = { atMs, method: call.method, target: call.req.url ?? '', operation, status, traceToken }
    call.world.logs.note(call.session.user.id, entry)
  }

  function headersOf(
    req: IncomingMessage,
    call: RestCall | undefined,
    fault: Fault | undefined,
    traceToken: string,
    startedMs: number,
  ): Record<string, string> {
    const date = new Date(pace.wallMs()).toUTCString()
    const track = req.headers['x-docusign-timetrack']
    const span = `REST0_Start,${new Date(startedMs).toISOString()};REST0_End,${new Date(pace.wallMs()).toISOString()}`
    return {
      'Cache-Control': 'no-cache',
      ...limitHeaders(call?.ruling?.standing, fault?.headers, pace),
      'X-DocuSign-TraceToken': traceToken,
      'X-DocuSign-Node': node,
      ...(typeof track === 'string' && { 'X-DocuSign-TimeTrack': `${track};${span}` }),
      Date: date,
    }
  }

  function sendPlain(req: IncomingMessage, res: ServerResponse, answer: Answer): Promise<void> {
    return send(req, res, answer, { headers: { 'Cache-Control': 'no-store' }, gzip: false, fault: 'none' })
  }

  /** Whether the caller is still there after the wait. */
  function waited(ms: number, res: ServerResponse): Promise<boolean> {
    return new Promise(resolve => {
      const settleOnce = () => {
        timer.cancel()
        res.off('close', settleOnce)
        resolve(!res.destroyed)
      }
      const timer = clock.after(ms, settleOnce)
      res.on('close', settleOnce)
    })
  }

  return (req: IncomingMessage, res: ServerResponse): void => {
    // A caller that leaves is its own affair.
    req.on('error', () => undefined)
    res.on('error', () => undefined)
    serve(req, res).catch((error: unknown) => {
      if (res.destroyed || req.destroyed) return
      if (res.headersSent) {
        reset(res)
        return
      }
      const message = error instanceof Error ? error.message : String(error)
      res.writeHead(500, { 'Content-Type': 'application/json; charset=utf-8' })
      res.end(JSON.stringify({ errorCode: 'UNSPECIFIED_ERROR', message: `The simulator failed: ${message}` }))
    })
  }
}

function readTarget(url: string): { path: string; query: string } | undefined {
  // A proxy's absolute form names the same thing.
  const local = url.replace(/^https?:\/\/[^/]*/i, '')
  const at = local.indexOf('?')
  try {
    const path = decodeURIComponent(at === -1 ? local : local.slice(0, at))
    return { path: path === '' ? '/' : path, query: at === -1 ? '' : local.slice(at + 1) }
  } catch {
    return undefined
  }
}
