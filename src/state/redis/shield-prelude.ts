/**
 * What the shields of all nodes agree on, as Lua that Redis runs whole. One hash a subject, which is an envelope, or what
 * of an account belongs to none:
 *
 *   v          how it stands: another number after each drop, and after a loss of data
 *   d, w, t    when copies of it were last dropped, it was last written to, its end became known
 *   p<poll>    sent|read|answered|lease|until|waits: places and times of the last GET, and who has the next on its way
 *   c<id>      viewer|account's v|place|answered|final|bytes|head|name: a copy, whose body lies under its name
 *   f<id>      lease|until|waits: a copy that is being fetched
 *   x, y, l<viewer>  when his copies were dropped; he was refused a part of it; he may read it once more
 *
 * And one an account: v, d, w. The mark is that of the data (`PULSE`): where it is another, no copy is true any more. Scripts
 * hear of account and mark as `v|d|w|mark`, and read the account themselves where they may. A place is Redis' time in microseconds: what happens has one order, because scripts run one
 * after the other. Where that time steps back, what was read before counts as written to, and is read once more.
 */
export const PRELUDE = `
local time = redis.call('TIME')
local place = time[1] * 1000000 + time[2]
local now = math.floor(place / 1000)
local s = KEYS[1]
local function text(n) return string.format('%.0f', n) end
local function num(x) return tonumber(x or '0') or 0 end
local function parts(raw)
  local all = {}
  for one in string.gmatch(raw .. '|', '([^|]*)|') do all[#all + 1] = one end
  return all
end
local function standing(key, ttl)
  local is = redis.call('HMGET', key, 'v', 'd', 'w')
  if not is[1] then
    is[1] = text(place)
    redis.call('HSET', key, 'v', is[1])
  end
  redis.call('PEXPIRE', key, ttl)
  return is[1], num(is[2]), num(is[3])
end
local function ofAccount(told, ttl)
  local is = parts(told)
  local v, d, w = is[1], num(is[2]), num(is[3])
  if KEYS[2] then v, d, w = standing(KEYS[2], ttl) end
  return v .. is[4], d, w
end
local function polled(key)
  local raw = redis.call('HGET', s, 'p' .. key)
  if not raw then return {sent = 0, read = 0, answered = 0, lease = '', til = 0, waits = 0} end
  local is = parts(raw)
  local p = {sent = num(is[1]), read = num(is[2]), answered = num(is[3]), lease = is[4], til = num(is[5]), waits = num(is[6])}
  -- Nobody saw how it ended.
  if p.lease ~= '' and p.til <= now then
    p.answered = math.max(p.answered, p.til)
    p.read = p.sent
    p.lease = ''
  end
  return p
end
local function note(key, p)
  local is = {text(p.sent), text(p.read), text(p.answered), p.lease, text(p.til), p.waits}
  redis.call('HSET', s, 'p' .. key, table.concat(is, '|'))
end
`
