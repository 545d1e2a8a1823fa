/** Access logs of one line a request, as their documentation has them. */
import {
  fault,
  millisOf,
  named,
  OTHER,
  readAmount,
  readRequest,
  readStatus,
  readTime,
  type ReadEntry,
} from './entry.js'

const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"'
const NOT_OURS = 'is not in this format'

/**
 * nginx `combined` (and Apache's, and `common`), as it is or with one of the times behind it that many add: `$request_time`
 * bare, in quotes, or as `rt=0.123`, and `$upstream_response_time` as `urt=` or `uht=`.
 */
const NGINX = new RegExp(
  `^(\\S+) \\S+ ([^\\[]*) \\[([^\\]]+)\\] ${QUOTED} (\\d{3}) (\\d+|-)(?: ${QUOTED} ${QUOTED})?(.*)$`,
)
const REQUEST_TIME = /(?:^|\s)(?:rt=|request_time=)?"?(\d+\.\d{3})"?(?=\s|$)/
/** To the head of the answer before to its end: that is what it took DocuSign. */
const UPSTREAM_TIMES = [
  /(?:^|\s)(?:uht|upstream_header_time)="?([\d., ]+)"?/,
  /(?:^|\s)(?:urt|upstream_response_time)="?([\d., ]+)"?/,
]

export function readNginx(line: string): ReadEntry {
  const [, , user = '', time = '', request = '', status, bytes, , , rest = ''] = NGINX.exec(line) ?? []
  const endedMs = readTime(time)
  if (endedMs === undefined) return fault(NOT_OURS)
  const asked = readRequest(request)
  if (!asked) return OTHER
  const durationMs = millisOf(readAmount(REQUEST_TIME.exec(rest)?.[1]))
  const [upstreamSeconds] = UPSTREAM_TIMES.flatMap(time => readAmount(time.exec(rest)?.[1]) ?? [])
  return {
    kind: 'request',
    ...asked,
    // A line is written, and dated, when its request is over.
    atMs: endedMs - (durationMs ?? 0),
    status: readStatus(status),
    bytes: readAmount(bytes),
    durationMs,
    upstreamMs: millisOf(upstreamSeconds),
    viewer: named(user.trim()),
    app: undefined,
  }
}

/** Envoy's default format string, and Istio's, which says more of the answer in the middle. */
const ENVOY = new RegExp(
  `^\\[([^\\]]+)\\] ${QUOTED} (\\d+) (\\S+)(?: [\\w.{}:-]+ \\S+ ${QUOTED})? (\\d+) (\\d+) (\\d+|-) (\\d+|-)(?: |$)`,
)

export function readEnvoy(line: string): ReadEntry {
  const [, time = '', request = '', status, , , , bytes, duration, upstream] = ENVOY.exec(line) ?? []
  const atMs = readTime(time)
  if (atMs === undefined) return fault(NOT_OURS)
  const asked = readRequest(request)
  if (!asked) return OTHER
  return {
    kind: 'request',
    ...asked,
    atMs,
    status: readStatus(status),
    bytes: readAmount(bytes),
    durationMs: readAmount(duration),
    upstreamMs: readAmount(upstream),
    viewer: undefined,
    app: undefined,
  }
}

/** AWS Application Load Balancer; what is added at the end of a line is passed over, as its documentation asks. */
const ALB = new RegExp(
  `^(?:https?|h2|grpcs|wss?) (\\S+) \\S+ \\S+ \\S+ (-?[\\d.]+) (-?[\\d.]+) (-?[\\d.]+) (\\d+|-) (\\d+|-) (-?\\d+) (-?\\d+) ${QUOTED}`,
)

export function readAlb(line: string): ReadEntry {
  const [, time = '', taken, target, given, status, , , bytes, request = ''] = ALB.exec(line) ?? []
  const endedMs = readTime(time)
  if (endedMs === undefined) return fault(NOT_OURS)
  const asked = readRequest(request)
  if (!asked) return OTHER
  // -1: it did not come so far.
  const parts = [taken, target, given].flatMap(text => millisOf(readAmount(text)) ?? [])
  const durationMs = parts.length === 0 ? undefined : parts.reduce((sum, ms) => sum + ms)
  return {
    kind: 'request',
    ...asked,
    atMs: endedMs - (durationMs ?? 0),
    status: readStatus(status),
    bytes: readAmount(bytes),
    durationMs,
    upstreamMs: millisOf(readAmount(target)),
    viewer: undefined,
    app: undefined,
  }
}
