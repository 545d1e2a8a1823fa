import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Ruling } from './allowance.js'
import type { Answer } from './answer.js'
import { BAD_TOKEN, NOT_A_MEMBER, NO_RIGHTS, NO_ROUTE } from './answer.js'
import type { House } from './house.js'
import { TOO_MANY_DOWNLOADS, accountLimitError, envelopeLimitError } from './limit-errors.js'
import { isTerminal } from './life.js'
import type { Named } from './operations/table.js'
import type { Account, User } from './people.js'
import type { Look } from './polls.js'
import type { Match } from './router.js'
import type { Session } from './tokens.js'
import { NO_UPLOAD, receive } from './upload.js'
import type { Visit, World } from './world.js'

/** A REST call that has been counted. */
export interface RestCall {
  readonly world: World
  readonly req: IncomingMessage
  readonly method: string
  readonly query: string
  readonly match: Match<Named> | undefined
  /** Whose limit it spends: the account in its path, else the default one of its token (facts 1.3). */
  readonly account: Account | undefined
  readonly session: Session | undefined
  /** The envelope's id where the path names one. */
  readonly envelopeId: string | undefined
  readonly ruling: Ruling | undefined
  readonly look: Look | undefined
}

const ENVELOPE = /^\/accounts\/[^/]+\/envelopes\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/

/** Counts a REST call the moment its head is there. `path` is what follows `/restapi`, decoded. */
export function countCall(house: House, req: IncomingMessage, path: string, query: string): RestCall {
  const { people, tokens, routes } = house
  const world = house.world()
  const { meter, envelopes } = world
  const method = req.method ?? 'GET'
  const match = routes.find(method, path.replace(/^\/v2(?=\/|$)/i, '/v2.1'))
  const token = /^bearer\s+(\S+)$/i.exec(req.headers.authorization ?? '')?.[1]
  const session = token === undefined ? undefined : tokens.session(token)
  const app = session?.app.integrationKey

  const spelling = /^\/v2(?:\.1)?\/accounts\/([^/]+)/i.exec(path)?.[1]
  const named = spelling === undefined ? undefined : people.account(spelling)
  // A call with a bad token is a request all the same, and "the limit applies to every request" (facts 1.3).
  const account = named ?? session?.user.accounts[0]
  const probe = req.headers['x-request-probe']
  meter.arrived({
    account,
    app,
    route: match?.route ?? 'other',
    method,
    path,
    probe: typeof probe === 'string' ? probe : undefined,
  })
  const ruling = account && meter.allowance(account)?.take()

  // One resource, however its account is spelt.
  const below = path
    .toLowerCase()
    .replace(/^\/v2(\.1)?/, '')
    .replace(/\/+$/, '')
  const resource = named ? below.replace(/^\/accounts\/[^/]+/, `/accounts/${named.id}`) : below
  const envelopeId = ENVELOPE.exec(resource)?.[1]
  const envelope = envelopeId === undefined ? undefined : envelopes.get(envelopeId)
  const isFinal = envelope !== undefined && isTerminal(envelopes.lifeOf(envelope).status)
  const look =
    method === 'GET' && envelopeId !== undefined
      ? meter.polls.arrived(app ?? 'none', resource, query, isFinal)
      : undefined
  return { world, req, method, query, match, account, session, envelopeId, ruling, look }
}

/** Answers a counted call. Rejects only when its caller leaves while it is being heard. */
export async function answerCall(house: House, call: RestCall, res: ServerResponse): Promise<Answer> {
  const { options, people } = house
  const { world, req, method, match, session, ruling } = call
  if (!session && match?.target.name !== 'GetServiceInformation') return BAD_TOKEN
  const limited = limitError(house, call)
  if (limited) return limited
  if (!match) return NO_ROUTE
  const user = session?.user ?? people.users[0]
  // Only the one operation that is told to anybody comes here without a session, and it names no account.
  const account = call.account ?? user?.accounts[0]
  if (!user || !account || !belongs(user, account, match, people.account(match.params['accountId'] ?? ''))) {
    return NOT_A_MEMBER
  }
  const actor = actorOf(house, user, account, req)
  if (!actor) return NO_RIGHTS

  const hasBody = method !== 'GET' && method !== 'HEAD'
  const upload = hasBody ? await receive(req, options.maxBodyBytes) : NO_UPLOAD
  if (!('kind' in upload)) return upload
  const visit: Visit = {
    world,
    people,
    pace: house.pace,
    options,
    account,
    user: actor,
    app: session?.app.integrationKey ?? '',
    params: match.params,
    query: new URLSearchParams(call.query),
    headers: req.headers,
    upload,
    baseUri: house.baseUri,
  }
  const answer = match.target.operation(visit)
  const isDownload = match.target.name === 'GetEnvelopeDocument' && answer.status === 200
  if (!isDownload || ruling === undefined) return answer
  const end = world.meter.downloads.start(call.envelopeId ?? '', match.params['documentId'] ?? '')
  if (!end) return TOO_MANY_DOWNLOADS
  res.once('close', end)
  return answer
}

function limitError(
  { options }: House,
  { world, method, account, envelopeId, ruling }: RestCall,
): Answer | undefined {
  if (!options.enforce || !account || !ruling) return undefined
  const { meter } = world
  if (ruling.blocked) {
    meter.counts.blocked += 1
    if (ruling.wasTold) meter.counts.callsWhileBlocked += 1
    meter.allowance(account)?.told(ruling.blocked)
    return accountLimitError(ruling.blocked, options.limitStatus, ruling.standing)
  }
  const code = envelopeId === undefined ? undefined : meter.envelopeLimits.take(method, envelopeId)
  if (code === undefined) return undefined
  meter.counts.blocked += 1
  return envelopeLimitError(code, options.limitStatus)
}

function belongs(user: User, account: Account, match: Match<Named>, named: Account | undefined): boolean {
  if (match.params['accountId'] !== undefined && !named) return false
  return user.accounts.includes(account)
}

/**
 * Whose rights hold: `X-DocuSign-Act-On-Behalf` takes those of a user who shares with this one (facts 10). What its elder,
 * `X-DocuSign-Act-As-User`, does is not documented: the same, by its name.
 */
function actorOf(
  { options, people }: House,
  user: User,
  account: Account,
  req: IncomingMessage,
): User | undefined {
  const wanted = req.headers['x-docusign-act-on-behalf'] ?? req.headers['x-docusign-act-as-user']
  if (typeof wanted !== 'string') return user
  const other = people.user(wanted)
  const isShared = options.sharing.some(
    ({ userId, actsFor }) => userId.toLowerCase() === user.id && actsFor.toLowerCase() === other?.id,
  )
  return isShared && other?.accounts.includes(account) ? other : undefined
}
