/** Captures, as they are asked for: start one, look at them, take one away as a ZIP, delete it. */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Capture, CaptureAsk, Captures } from '../observe/captures.js'
import { fault, GUARD, json, type Answer } from './answer.js'
import { accountKey, isJson, NOT_JSON, readObject } from './asked.js'
import { moment } from './status.js'

export interface CaptureParts {
  readonly captures: Captures
  /** The ZIP of one, in pieces. */
  readonly archive: (capture: Capture) => AsyncIterable<Uint8Array>
}

const MAX_REQUESTS = 1_000
const FIELDS: ReadonlySet<string> = new Set(['app', 'account', 'requests', 'bodies'])
const APP_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const PATH = /^\/captures\/([0-9a-f]{1,32})(\.zip)?$/
const GONE = fault(404, 'GOVERNOR_NOT_FOUND', 'There is no such capture.')

/** The answer to `POST /captures`: 400, 409 or 415 with what is wrong in words, none of them the sender's. */
export function answerCapture(contentType: string | undefined, body: Buffer, captures: Captures): Answer {
  if (!isJson(contentType)) return NOT_JSON
  const ask = readAsk(body)
  if (typeof ask === 'string') return fault(400, 'GOVERNOR_BAD_REQUEST', ask)
  const capture = captures.start(ask)
  return capture
    ? json(201, show(capture))
    : fault(409, 'GOVERNOR_TOO_MANY_CAPTURES', 'As many captures as are kept are there already. Delete one.')
}

export function listCaptures(captures: Captures): Answer {
  return json(200, { captures: captures.list().map(show) })
}

/** What a path below `/captures/` asks for; `undefined` where it is none. */
export function captureOf(path: string): { readonly id: string; readonly isZip: boolean } | undefined {
  const [, id, zip] = PATH.exec(path) ?? []
  return id === undefined ? undefined : { id, isZip: zip !== undefined }
}

export function deleteCapture(id: string, captures: Captures): Answer {
  return captures.delete(id) ? json(200, { deleted: id }) : GONE
}

/** Sends the ZIP as it is packed, no faster than it is read. `undefined`: it is on its way. */
export function sendCapture(
  id: string,
  { captures, archive }: CaptureParts,
  res: ServerResponse,
  isHead: boolean,
): Answer | undefined {
  const capture = captures.get(id)
  if (!capture) return GONE
  res.writeHead(200, {
    ...GUARD,
    'Content-Type': 'application/zip',
    'Content-Disposition': `attachment; filename="docusign-calls-${id}.zip"`,
  })
  if (isHead) {
    res.end()
    return undefined
  }
  const pieces = Readable.from(archive(capture))
  // Half an archive must not look like a whole one.
  pieces.on('error', () => res.destroy())
  res.on('close', () => pieces.destroy())
  pieces.pipe(res)
  return undefined
}

export function show({
  id,
  app,
  account,
  requests,
  bodies,
  startedMs,
  recorded,
  passedOver,
  bytes,
  state,
}: Capture) {
  return {
    id,
    app: app ?? null,
    account: account ?? null,
    requests,
    bodies,
    startedAt: moment(startedMs),
    recorded: recorded.length,
    passedOver,
    bytes,
    state,
  }
}

/** What is asked, or what is wrong with it. */
function readAsk(body: Buffer): CaptureAsk | string {
  const fields = readObject(body)
  if (!fields) return 'The body is no JSON object. It looks like {"app":"billing","requests":50}.'
  if (Object.keys(fields).some(name => !FIELDS.has(name))) {
    return 'The body has a field that is unknown here. There are app, account, requests and bodies.'
  }
  const { app, account, requests, bodies = false } = fields
  if (
    typeof requests !== 'number' ||
    !Number.isInteger(requests) ||
    requests < 1 ||
    requests > MAX_REQUESTS
  ) {
    return `"requests" must be a whole number from 1 to ${MAX_REQUESTS}.`
  }
  if (app !== undefined && (typeof app !== 'string' || !APP_NAME.test(app))) {
    return '"app" must be the name that the app has in its base URI.'
  }
  const key = accountKey(account)
  if (account !== undefined && key === undefined) {
    return '"account" must be the number or the GUID of an account, as a string.'
  }
  if (typeof bodies !== 'boolean') return '"bodies" must be true or false.'
  return { requests, bodies, ...(app !== undefined && { app }), ...(key !== undefined && { account: key }) }
}
