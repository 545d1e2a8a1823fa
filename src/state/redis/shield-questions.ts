/** A question of an app's, from the moment at which it is put to all nodes to its end. */
import { makeScript } from './connection.js'
import { PRELUDE } from './shield-prelude.js'

/** Fields beyond which those are looked for that have had their time. */
const SWEEP_ABOVE = 64
/** A subject that has many is not looked through for each. */
const SWEEP_EVERY = 16

/** How an account stands, for a Cluster, where a script sees one tag alone. KEYS account; ARGV ttl. */
export const ACCOUNT = makeScript(`${PRELUDE}
local v, d, w = standing(s, ARGV[1])
return v .. '|' .. text(d) .. '|' .. text(w)`)

/**
 * KEYS subject [account]; ARGV account's standing, ttl, how, poll, lease, lease's ms, answered ago or -1, interval, ages
 * of a final and of another copy, whether it is shared, number of askers, askers, then id and whether it is everybody's.
 */
export const ASK = makeScript(`${PRELUDE}
local ttl, how, key, lease = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local til, ago, interval = now + ARGV[6], num(ARGV[7]), num(ARGV[8])
local finalMs, freshMs, shared = num(ARGV[9]), num(ARGV[10]), ARGV[11] == '1'
local v = standing(s, ttl)
local a, ad, aw = ofAccount(ARGV[1], ttl)
local known = redis.call('HGET', s, 't')
local ended = known and now - known or -1
local askers, from = {}, 13 + ARGV[12]
for i = 13, from - 1 do askers[#askers + 1] = ARGV[i] end
local function told(at, ...) return {v .. '.' .. a .. '.' .. text(at), ended, ...} end
local function isDenied()
  for _, asker in ipairs(askers) do
    if redis.call('HEXISTS', s, 'y' .. asker) == 1 then return true end
  end
  return false
end
local function copy(rest, mayBe)
  for i = from, #ARGV, 2 do
    local raw = redis.call('HGET', s, 'c' .. ARGV[i])
    if raw then
      local is = parts(raw)
      local age = now - is[4]
      if is[2] ~= a or age >= math.max(finalMs, freshMs) then
        redis.call('HDEL', s, 'c' .. ARGV[i])
      elseif mayBe(is[5] == '1', age) and not (ARGV[i + 1] == '1' and isDenied()) then
        return told(num(is[3]), 'copy', (i - from) / 2, rest, math.floor((place - is[3]) / 1000), age, is[5], is[6], is[7], is[8])
      end
    end
  end
end
local function isWrittenSince(read)
  local latest = math.max(num(redis.call('HGET', s, 'w')), aw)
  for _, asker in ipairs(askers) do
    latest = math.max(latest, num(redis.call('HGET', s, 'l' .. asker)))
  end
  return latest > read
end
local function sweep()
  local all = redis.call('HGETALL', s)
  for i = 1, #all, 2 do
    local kind, raw = string.sub(all[i], 1, 1), all[i + 1]
    local is, isOver = parts(raw), false
    if kind == 'p' then isOver = math.max(num(is[3]), num(is[5])) + interval <= now
    elseif kind == 'c' then isOver = is[2] ~= a or num(is[4]) + finalMs + freshMs <= now
    elseif kind == 'f' then isOver = num(is[2]) <= now
    elseif kind == 'l' then isOver = num(raw) / 1000 + interval <= now end
    if isOver then redis.call('HDEL', s, all[i]) end
  end
end

local final = copy(0, function(isFinal, age) return isFinal and age < finalMs end)
if final and how ~= 'force' then return final end
local p = polled(key)
if p.lease ~= '' and p.lease ~= lease and how ~= 'force' then
  p.waits = 1
  note(key, p)
  return told(place, 'pending', p.til - now)
end
-- What the asking node knows itself, where Redis has lost it.
if ago >= 0 and now - ago > p.answered + 1000 then
  p.answered = now - ago
  p.read = math.max(p.read, p.answered * 1000)
end
local isAfterWrite = 0
if p.answered > 0 and now < p.answered + interval and how ~= 'force' then
  local rest = p.answered + interval - now
  if not isWrittenSince(p.read) then
    note(key, p)
    return copy(rest, function(_, age) return age < freshMs end) or told(place, 'inside', rest)
  end
  isAfterWrite = 1
end
if how ~= 'force' and ARGV[from] then
  local raw = redis.call('HGET', s, 'f' .. ARGV[from])
  local is = raw and parts(raw)
  if is and is[1] ~= lease and num(is[2]) > now then
    redis.call('HSET', s, 'f' .. ARGV[from], is[1] .. '|' .. is[2] .. '|1')
    return told(place, 'pending', is[2] - now)
  end
end
if p.lease == '' or p.lease == lease then
  p.sent, p.lease, p.til, p.waits = place, lease, til, 0
  note(key, p)
end
if shared and ARGV[from] then redis.call('HSET', s, 'f' .. ARGV[from], lease .. '|' .. text(til) .. '|0') end
local size = redis.call('HLEN', s)
if size > ${SWEEP_ABOVE} and size % ${SWEEP_EVERY} == 0 then sweep() end
return told(place, 'go', isAfterWrite)`)

/** KEYS subject [account]; ARGV account's standing, ttl, stamp, sent ago, unbroken, viewer, number of askers if everybody's, askers. */
export const CONFIRM = makeScript(`${PRELUDE}
local v, d = standing(s, ARGV[2])
local a, ad = ofAccount(ARGV[1], ARGV[2])
local ov, oa, at = string.match(ARGV[3], '^(%d+)%.(%d+)%.(%d+)$')
-- Sent alone: a second earlier than it seems by the way it took to say so.
at = at and num(at) or place - ARGV[4] * 1000 - 1000000
local isKnown = true
local function isTrue(is, was, dropped)
  if is == was then return true end
  if dropped > at then return false end
  isKnown = was == nil or ARGV[5] == '1'
  return isKnown
end
if not isTrue(v, ov, d) or not isTrue(a, oa, ad) then
  -- Where the data was lost, and not where it was dropped: he may read it once more, at whichever node.
  if not isKnown then redis.call('HSETNX', s, 'l' .. ARGV[6], text(place)) end
  return ''
end
if num(redis.call('HGET', s, 'x' .. ARGV[6])) > at then return '' end
for i = 8, 7 + ARGV[7] do
  if redis.call('HEXISTS', s, 'y' .. ARGV[i]) == 1 then return '' end
end
return v .. '.' .. a .. '.' .. text(at)`)

/** KEYS subject; ARGV ttl, poll, lease, answered ago or -1, id, channel, message for those who wait. */
export const OVER = makeScript(`${PRELUDE}
local key, lease, ago = ARGV[2], ARGV[3], num(ARGV[4])
local p = polled(key)
local waits = 0
local function begin(read)
  p.answered = math.max(p.answered, now - ago)
  p.read = math.max(p.read, read)
end
if p.lease == lease then
  waits = p.waits
  if ago >= 0 then begin(p.sent) end
  p.lease, p.til, p.waits = '', 0, 0
elseif ago >= 0 then
  begin((now - ago) * 1000)
end
if p.answered == 0 and p.lease == '' then redis.call('HDEL', s, 'p' .. key) else note(key, p) end
local raw = redis.call('HGET', s, 'f' .. ARGV[5])
local is = raw and parts(raw)
if is and is[1] == lease then
  waits = math.max(waits, num(is[3]))
  redis.call('HDEL', s, 'f' .. ARGV[5])
end
redis.call('PEXPIRE', s, ARGV[1])
if waits == 1 then redis.call('PUBLISH', ARGV[6], ARGV[7]) end`)

/** KEYS subject; ARGV ttl, poll, lease, lease's ms, id. */
export const RENEW = makeScript(`${PRELUDE}
local key, lease, til = ARGV[2], ARGV[3], now + ARGV[4]
local isThere = redis.call('HEXISTS', s, 'p' .. key) == 1
local p = polled(key)
if p.lease == lease or not isThere then
  if not isThere then p.sent = place end
  p.lease, p.til = lease, til
  note(key, p)
end
local raw = redis.call('HGET', s, 'f' .. ARGV[5])
local is = raw and parts(raw)
if is and is[1] == lease then redis.call('HSET', s, 'f' .. ARGV[5], lease .. '|' .. text(til) .. '|' .. is[3]) end
redis.call('PEXPIRE', s, ARGV[1])`)

/**
 * KEYS subject [account]; ARGV account's standing, ttl, stamp, id, viewer, answered ago, final, bytes, bytes of the head,
 * name. Returns the name of the body that it replaces, '' for none; nothing where the world stands otherwise by now.
 */
export const PUT = makeScript(`${PRELUDE}
local v = standing(s, ARGV[2])
local a = ofAccount(ARGV[1], ARGV[2])
local ov, oa, at = string.match(ARGV[3], '^(%d+)%.(%d+)%.(%d+)$')
if v ~= ov or a ~= oa then return false end
if num(redis.call('HGET', s, 'x' .. ARGV[5])) > num(at) then return false end
local old = redis.call('HGET', s, 'c' .. ARGV[4])
local is = {ARGV[5], a, at, text(now - ARGV[6]), ARGV[7], ARGV[8], ARGV[9], ARGV[10]}
redis.call('HSET', s, 'c' .. ARGV[4], table.concat(is, '|'))
return old and parts(old)[8] or ''`)
