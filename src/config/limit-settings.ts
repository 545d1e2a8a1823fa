/** The settings of the governor: what DocuSign grants, who waits, and who goes first. */
import { flag, oneOf, part, seconds, whole } from './kinds.js'
import { leaf, optional, perEnvironment, type Table } from './shape.js'

const MOST_CALLS = 10_000_000
const calls = () => whole('calls', 1, MOST_CALLS)
const priority = () => oneOf(['high', 'normal', 'low'])

export const LIMITS = {
  'limits.hour.limit': leaf(
    calls(),
    1000,
    "calls of an account in an hour, until the account's own headers say otherwise",
  ),
  'limits.hour.window': leaf(seconds(0.1, 86_400), 3600, 'how long that hour lasts'),
  'limits.hour.alignment': leaf(
    oneOf(['auto', 'clock', 'sliding']),
    'auto',
    'when an hour begins: clock (on multiples of its length, as at DocuSign), sliding (at every call), auto (sliding until a reset header was seen, then as that says)',
  ),
  'limits.burst.limit': perEnvironment(
    calls(),
    { demo: 200, production: 500 },
    "calls of an account in any burst window, until the account's own headers say otherwise; none: by upstream.environment",
  ),
  'limits.burst.window': leaf(seconds(0.01, 3600), 30, 'how long a burst window lasts; it always slides'),
  'limits.learn': leaf(flag(), true, 'adopt limits, what remains and resets from the headers of answers'),
  'limits.mode': leaf(
    oneOf(['enforce', 'observe']),
    'enforce',
    'whether limits are kept, or (observe) only counted: what would have been held or refused passes',
  ),
  'limits.safetyMargin': leaf(whole('calls', 0, MOST_CALLS), 0, 'calls of each window that are never used'),
  'limits.accounts': {
    type: 'named',
    name: {
      pattern: /^(?:[1-9]\d{0,18}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$/,
      reserved: [],
      error: "must be an account's number, or its GUID in the form 8-4-4-4-12",
    },
    settings: {
      'hour.limit': optional(calls(), 'instead of limits.hour.limit, for this account'),
      'burst.limit': optional(calls(), 'instead of limits.burst.limit, for this account'),
    },
    meaning: 'limits of single accounts, by their number or GUID',
  },
  'queue.maxWait': leaf(
    seconds(0, 3600),
    45,
    'how long a call may be held for a limit; client SDKs give up at 60',
  ),
  'queue.maxLength': leaf(whole('calls', 0, 100_000), 1000, 'held calls per account'),
} as const satisfies Table

/** What the operator may say of one app. */
export const APP = {
  priority: optional(
    priority(),
    'which calls go first where there is not enough for all; none: normal, but signing views and other writes high, and lists, documents and bulk sending low',
  ),
  maxPriority: optional(
    priority(),
    'how far a call of this app may raise itself with X-Governor-Priority; none: not above what it has',
  ),
  reserve: leaf(
    part(),
    0,
    "share of each account's hour that is kept for this app while the hour is scarce; what it has not used is lent to all at the end of the hour",
  ),
} as const satisfies Table
