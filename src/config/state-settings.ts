/** The settings of what survives the process, and of what several nodes share. */
import { addresses, flag, file, folder, keyPrefix, oneOf, redisUrl, seconds, secret, word } from './kinds.js'
import { leaf, optional, type Table } from './shape.js'

export const STATE = {
  'state.path': leaf(
    folder(),
    './data',
    'the embedded durable store, which remembers every call that was sent; read at start only',
  ),
  'state.kind': leaf(
    oneOf(['embedded', 'memory', 'redis']),
    'embedded',
    'where that is kept: embedded in state.path; memory, which a restart forgets; or redis, which several nodes share; read at start only',
  ),
  'state.fsync': leaf(
    flag(),
    false,
    'survive power loss, not only kill -9: every write waits for the disk; read at start only',
  ),
  'state.redisUrl': optional(
    redisUrl(),
    'one Redis (7 or later, or Valkey): redis://[user:password@]host[:port][/db], rediss:// for TLS; read at start only',
  ),
  'state.redis.sentinels': leaf(
    addresses(20),
    [],
    'in the place of state.redisUrl: the Sentinels that know where it is; read at start only',
  ),
  'state.redis.sentinelName': leaf(word(), 'mymaster', 'what the Sentinels call it; read at start only'),
  'state.redis.cluster': leaf(
    addresses(50),
    [],
    'in the place of state.redisUrl: some nodes of a Redis Cluster, which tell the others; read at start only',
  ),
  'state.redis.tls': leaf(
    flag(),
    false,
    'TLS to Sentinels and Cluster alike (of state.redisUrl the scheme says it); read at start only',
  ),
  'state.redis.tlsCa': optional(
    file(),
    "PEM file of the authorities that its certificate is judged by; none: the system's; read at start only",
  ),
  'state.redis.username': optional(word(), 'ACL user, where the URL names none; read at start only'),
  'state.redis.password': optional(secret(1), 'its password, where the URL has none; read at start only'),
  'state.redis.passwordFile': optional(
    file(),
    'file that holds it, in the place of state.redis.password; read at start only',
  ),
  'state.redis.sentinelPassword': optional(
    secret(1),
    'the password of the Sentinels themselves; read at start only',
  ),
  'state.redis.prefix': leaf(
    keyPrefix(),
    'docusign-governor',
    'what all its keys begin with; nodes that share have the same one; read at start only',
  ),
  'state.redis.commandTimeout': leaf(
    seconds(0.01, 0.9),
    0.5,
    'after so long without an answer Redis counts as lost, and nothing waits for it; read at start only',
  ),
  'state.onLoss': leaf(
    oneOf(['share', 'open', 'closed']),
    'share',
    'what a node does while Redis is lost: its equal share of each limit, the whole limit (open), or refuse every call (closed)',
  ),
} as const satisfies Table
