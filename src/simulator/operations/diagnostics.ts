import { STATUS_CODES } from 'node:http'
import type { Answer } from '../answer.js'
import { EMPTY, badParameter, data, file } from '../answer.js'
import { textOf } from '../given.js'
import { stamp } from '../pace.js'
import type { LogEntry } from '../request-logs.js'
import { MOST_ENTRIES } from '../request-logs.js'
import type { Visit } from '../world.js'
import { makeZip } from '../zip.js'
import type { Row } from './table.js'

const L = '/v2.1/diagnostics/request_logs'
const S = '/v2.1/diagnostics/settings'

export const DIAGNOSTIC_OPERATIONS: readonly Row[] = [
  ['GET', L, 'GetRequestLogs', list],
  ['DELETE', L, 'DeleteRequestLogs', clear],
  ['GET', `${L}/{requestLogId}`, 'GetRequestLog', one],
  ['GET', S, 'GetRequestLogSettings', visit => settings(visit)],
  ['PUT', S, 'UpdateRequestLogSettings', change],
]

const diaryOf = ({ world, user }: Visit) => world.logs.diaryOf(user.id)
const statusName = (status: number) => (STATUS_CODES[status] ?? String(status)).replaceAll(' ', '')

/** A ZIP of text files where it is asked for, a list otherwise (facts 8). */
function list(visit: Visit): Answer {
  const { entries } = diaryOf(visit)
  if (/application\/zip/i.test(visit.headers.accept ?? '')) {
    const files = entries.map((entry, at) => ({
      name: `${String(at).padStart(2, '0')}_${statusName(entry.status)}_${entry.operation}.txt`,
      bytes: Buffer.from(textOfEntry(visit, entry)),
    }))
    return file('application/zip', 'file; filename="APIRequestLog.zip"', makeZip(files))
  }
  const apiRequestLogs = entries.map(entry => ({
    status: statusName(entry.status),
    description: entry.operation,
    createdDateTime: stamp(entry.atMs),
    requestLogId: entry.requestLogId,
  }))
  return data({ apiRequestLogs }, 'apiRequestLogsResult')
}

function one(visit: Visit): Answer {
  const entry = diaryOf(visit).entries.find(
    ({ requestLogId }) => requestLogId === visit.params['requestLogId'],
  )
  if (!entry) return badParameter('Invalid value specified for requestLogId.')
  return file('text/plain', 'file; filename="APIRequestLog.txt"', Buffer.from(textOfEntry(visit, entry)))
}

/** No real sample of such a file is known (facts 8): the request line, the trace token and the status, and no more. */
function textOfEntry({ account, baseUri }: Visit, entry: LogEntry): string {
  return [
    `${entry.method} ${baseUri(account)}${entry.target}`,
    `TraceToken: ${entry.traceToken}`,
    `Timestamp: ${stamp(entry.atMs)}`,
    '',
    `${entry.status} ${STATUS_CODES[entry.status] ?? ''}`,
    '',
  ].join('\r\n')
}

function clear(visit: Visit): Answer {
  diaryOf(visit).entries = []
  return { status: 200, body: EMPTY }
}

function settings(visit: Visit): Answer {
  const { isOn, most, entries } = diaryOf(visit)
  return data(
    {
      apiRequestLogging: String(isOn),
      apiRequestLogMaxEntries: String(most),
      apiRequestLogRemainingEntries: String(Math.max(0, most - entries.length)),
    },
    'diagnosticsSettingsInformation',
  )
}

function change(visit: Visit): Answer {
  const diary = diaryOf(visit)
  const logging = textOf(visit.upload.given, 'apiRequestLogging')
  const most = Number(textOf(visit.upload.given, 'apiRequestLogMaxEntries') ?? diary.most)
  if (!(most >= 1 && most <= MOST_ENTRIES))
    return badParameter("Value for 'apiRequestLogMaxEntries' is not valid.")
  diary.most = most
  if (logging !== undefined) diary.isOn = logging === 'true'
  return settings(visit)
}
