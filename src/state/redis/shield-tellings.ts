/** What a node tells all others, and what is known of tokens. */
import { makeScript } from './connection.js'
import { PRELUDE } from './shield-prelude.js'

/**
 * What has come to pass. KEYS subject or account; ARGV ttl, channel, message, then pairs: d drop all, v drop a viewer's, r
 * remove this copy, w written to, l a viewer lost copies, t ended so long ago, y denied, n no longer denied, b answered
 * (poll|ago). Returns the names of bodies that nobody will ask for.
 */
export const TELL = makeScript(`${PRELUDE}
local names = {}
local function drop(isMeant)
  local all, count = redis.call('HGETALL', s), 0
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) == 'c' then
      local is = parts(all[i + 1])
      if isMeant(is[1], string.sub(all[i], 2)) then
        redis.call('HDEL', s, all[i])
        names[#names + 1] = is[8]
        count = count + 1
      end
    end
  end
  return count
end
for i = 4, #ARGV, 2 do
  local what, of = ARGV[i], ARGV[i + 1]
  if what == 'd' then
    drop(function() return true end)
    redis.call('HSET', s, 'v', text(place), 'd', text(place))
  elseif what == 'v' then
    local count = drop(function(viewer) return viewer == of end)
    redis.call('HSET', s, 'x' .. of, text(place))
    if count > 0 then redis.call('HSET', s, 'l' .. of, text(place)) end
  elseif what == 'r' then drop(function(_, id) return id == of end)
  elseif what == 'w' then redis.call('HSET', s, 'w', text(place))
  elseif what == 'l' then
    -- As of the drop, however late it is told: what was read since is read.
    redis.call('HSET', s, 'l' .. of, redis.call('HGET', s, 'x' .. of) or text(place))
  elseif what == 't' then
    if redis.call('HEXISTS', s, 't') == 0 then redis.call('HSET', s, 't', text(now - of)) end
  elseif what == 'y' then redis.call('HSET', s, 'y' .. of, '1')
  elseif what == 'n' then redis.call('HDEL', s, 'y' .. of)
  elseif what == 'b' then
    local key, ago = string.match(of, '^([^|]*)|(%d+)$')
    local p = polled(key)
    if now - ago > p.answered + 1000 then
      p.answered = now - ago
      p.read = math.max(p.read, p.answered * 1000)
      note(key, p)
    end
  end
end
redis.call('PEXPIRE', s, ARGV[1])
if ARGV[3] ~= '' then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return names`)

/** KEYS token; ARGV ttl, said ago, then pairs of field and value: ms for what is proven ('' is now - ago). */
export const VOUCH = makeScript(`${PRELUDE}
local at = now - ARGV[2]
-- What was sent before a 401 was seen says nothing any more.
if num(redis.call('HGET', s, 'r')) >= at then return end
for i = 3, #ARGV, 2 do
  local field, value = ARGV[i], ARGV[i + 1]
  if value == '' then
    if num(redis.call('HGET', s, field)) < at then redis.call('HSET', s, field, text(at)) end
  else redis.call('HSET', s, field, value) end
end
redis.call('PEXPIRE', s, ARGV[1])`)

/** KEYS token; ARGV ttl, channel, message. */
export const REFUSE = makeScript(`${PRELUDE}
redis.call('DEL', s)
redis.call('HSET', s, 'r', text(now))
redis.call('PEXPIRE', s, ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])`)

/** KEYS token; ARGV fields. First Redis' time. */
export const ACQUAINT = makeScript(`${PRELUDE}
return {now, redis.call('HMGET', s, unpack(ARGV))}`)

/** KEYS mark; ARGV ttl, a mark of one's own, channel, message. Returns the mark: another one says that the data is. */
export const PULSE = makeScript(`${PRELUDE}
redis.call('SET', s, ARGV[2], 'NX')
redis.call('PEXPIRE', s, ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return redis.call('GET', s)`)
