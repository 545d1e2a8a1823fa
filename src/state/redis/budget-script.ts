/**
 * One budget for many nodes, judged and charged in one atomic step by Redis' own clock.
 *
 * A node reports: what it holds (calls under way and calls in hand), which of its calls were answered since its last
 * report and how long ago, what DocuSign's headers said, and how many calls wait at it. It is granted calls, which it holds
 * from this moment on. A call's place is taken from its grant until the window has passed after its answer, and what
 * is held while the hour turns counts in both hours: the rules of `governor/hour.ts` and `governor/burst.ts`, over all
 * nodes. Told and unheard calls come in the same report as the answers they belong to, so what DocuSign says is left,
 * less all that is held, is never more than what is left.
 *
 * Why it may be trusted after a loss:
 *   - All that a node says of itself is absolute (held, answered so far, answered in this hour), so a report that was not
 *     heard, heard twice, or lost with a master, is mended by the next one. One that comes when nobody waits for its
 *     answer any more (the server was frozen), or after a newer one, changes nothing.
 *   - Every account has a generation. Who brings another one than stands here has outlived the data: it is asked for
 *     its whole picture, and for a moment nobody is granted anything, until all have brought theirs.
 *   - The same quiet follows when the server is another one than before (a restart, a failover), for what the last one
 *     had granted and not yet copied is then reported by those who hold it; and when the first of those comes back
 *     who could not reach it. In it each node goes on alone, and it lasts until all have said that they have stopped.
 *   - What a node may spend alone it is told with every answer (`hp` of the hour, `bp` of the burst window), and nobody
 *     else is granted it: the parts of all nodes are half of what is free at most, and they fall as that falls.
 *   - A node that has no part here knows nothing, and may send one call: `budget-script-absent.ts`.
 *   - A node whose lease ends has died: what it held counts as answered then. None ends because Redis was away.
 *
 * Who gets what: first those who wait, in proportion to how many wait where, counting what each node got of late; then,
 * where nobody waits elsewhere, some calls ahead, of what is free one part in twice the number of nodes. So what a node
 * holds in hand is little where little is left, and half of what is free stays free for who comes next.
 *
 * One hash for the account and one for the time slots in which calls were answered: a 120th of the burst window each (a
 * place is held as much longer), and a 240th of a sliding hour. Of a clock hour only a count for each node is kept.
 */
import { ABSENT } from './budget-script-absent.js'
import { BEGIN } from './budget-script-begin.js'
import { GRANT } from './budget-script-grant.js'
import { SLOTS } from './budget-script-slots.js'
import { makeScript } from './connection.js'

/** KEYS: the account, its slots. ARGV: the report as JSON. The names are short, because they travel with every report. */
export const BUDGET_SCRIPT = makeScript(`
${BEGIN}
${SLOTS}
${ABSENT}
local burst = slots('b', r.bw / 120, r.bw, a.bo, a.bt)
local sliding = not r.hr and not a.hr and slots('s', r.hw / 240, r.hw, a.so, a.st) or nil

-- The hour.
local function same(x, y) return math.abs(x - y) <= min(2, r.hw / 20000) end
local function begin(reset, till)
  for id in pairs(hours) do redis.call('HDEL', H, 'h:' .. id) end
  redis.call('HDEL', H, 'rem')
  hours = {}
  a.hr, a.hl, a.rem, a.unh, a.foreign = reset, till, nil, 0, 0
end
if a.hr and now >= a.hl then
  local passed = floor((now - a.hl) / r.hw) + 1
  begin(a.hr + passed * r.hw / 1000, a.hl + passed * r.hw)
end
if r.hr then
  if not a.hr or (r.sure and r.hr > a.hr and not same(r.hr, a.hr)) then begin(r.hr, now + r.hl)
  elseif r.sure and same(r.hr, a.hr) then a.hl = now + r.hl end
end
local in_hour = r.hr and a.hr and same(r.hr, a.hr)

-- The dead. Nobody saw when their calls were answered.
local away = a.at and now - a.at > r.lease / 2
local function answered(id, at, count)
  burst.add(at, count)
  if sliding then sliding.add(at, count) end
  a.d = (a.d or 0) + count
end
for id, one in pairs(nodes) do
  if id ~= r.n and one.till <= now then
    if away and one.spared ~= 1 then one.till, one.spared = now + r.lease / 2, 1
    else
      answered(id, now, one.held)
      if a.hr and one.held > 0 then
        hours[id] = (hours[id] or 0) + one.held
        redis.call('HSET', H, 'h:' .. id, hours[id])
      end
      nodes[id] = nil
      redis.call('HDEL', H, 'n:' .. id)
    end
  end
end

-- What was answered at this node. r.base stood answered in its last report that was heard.
local fresh, behind = 0, 0
local skip = me and max(0, me.total - r.base) or 0
for i = 1, #r.c, 2 do
  local count = r.c[i + 1]
  local passed = min(skip, count)
  skip, count = skip - passed, count - passed
  fresh = fresh + count
  answered(r.n, now - r.c[i], count)
end
if me and me.total < r.base then
  behind = r.base - me.total
  answered(r.n, now, behind)
end
if a.hr then
  local own = hours[r.n] or 0
  hours[r.n] = in_hour and max(own, r.h) or own + fresh + behind
end

if r.same then a.same = r.same end

-- What DocuSign said.
if r.k then a.k = 1 end
if r.lim then a.lim = r.lim end
if r.blim then a.blim = r.blim end
local hour_limit, burst_limit = a.lim or r.cl, a.blim or r.cb
if r.unh > 0 then
  a.unh = (a.unh or 0) + r.unh
  a.unhat = now
end
if r.rem and in_hour then
  if not a.rem or r.rem <= a.rem then
    a.rem = r.rem
    if r.remat and r.remat > (a.unhat or 0) then a.unh = 0 end
  end
end
for _, kind in ipairs({ 'kh', 'kb', 'ku' }) do
  if r[kind] then a[kind] = max(a[kind] or 0, now + r[kind]) end
end

nodes[r.n] = me or { got = 0 }
me = nodes[r.n]
me.q, me.held, me.hand, me.till, me.total, me.spared = r.q, r.held, r.hand, now + r.lease, r.total, 0
me.alone, me.sure = r.alone and 1 or 0, r.hp and 1 or 0

local held, hand, waiting, live, got, hour_parts, burst_parts, alone = 0, 0, 0, 0, 0, 0, 0, me.alone
local fade = a.faded and 0.5 ^ ((now - a.faded) / (r.bw / 8)) or 1
a.faded = now
for id, one in pairs(nodes) do
  one.got = one.got * fade
  if one.got < 0.01 then one.got = 0 end
  held, live = held + one.held, live + 1
  if id ~= r.n then
    hand, waiting = hand + one.hand, waiting + one.wait
    if one.wait > 0 then got = got + one.got end
    -- What each was told to spend if we are lost.
    hour_parts, burst_parts = hour_parts + (one.hp or 0), burst_parts + (one.bp or 0)
    alone = max(alone, one.alone or 0)
  end
end

-- The calls of others, as far as the headers prove them.
if r.bt and r.btat then
  local ours = burst.since(r.btat - r.bw)
  local others = ours and burst_limit - r.bt - ours - held or 0
  if others > 0 and others >= ((a.fbu or 0) > now and a.fb or 0) then
    a.fb, a.fbu = others, now + r.bw
  end
end
local used = 0
for _, count in pairs(hours) do used = used + count end
if sliding then used = sliding.total end
if a.rem and in_hour then a.foreign = max(a.foreign or 0, hour_limit - a.rem - used - held) end
local foreign = (a.fbu or 0) > now and a.fb or 0

-- The room.
local hour_room = hour_limit - r.mg - used - held
if a.rem then hour_room = min(hour_room, a.rem - r.mg - held - (a.unh or 0)) end
local burst_room = burst_limit - r.mg - burst.total - held - foreign
local all_free = max(0, min(hour_room, burst_room))
local shut = max(a.quiet or 0, a.kh or 0, a.kb or 0, a.ku or 0) - now
-- The quiet is over, but not for somebody who may still spend without leave, and has not said that it has stopped.
if alone > 0 then shut = max(shut, r.pulse / 4) end
if shut > 0 then all_free = 0 end
if not a.k then all_free = held == 0 and min(1, all_free) or 0 end
local hour_absent, burst_absent = absent('h'), absent('b')
local hour_left, burst_left = hour_room - hour_parts - hour_absent, burst_room - burst_parts - burst_absent
local free = max(0, min(all_free, hour_left, burst_left))

${GRANT}
-- Written down.
a.at, a.bo, a.bt = now, burst.oldest, burst.total
if sliding then a.so, a.st = sliding.oldest, sliding.total end
local out = {}
for k, v in pairs(a) do
  out[#out + 1] = k
  out[#out + 1] = tostring(v)
end
-- Who holds nothing and wants nothing has left. It had no part, and is absent as before; or what it had has a place for it.
local binds
if me.held == 0 and me.wait == 0 and r.want == 0 then
  nodes[r.n] = nil
  redis.call('HDEL', H, 'n:' .. r.n)
  if r.hp and min(r.hp, r.bp) < 1 then
    local is_unclear = (a.quiet or 0) > now
    local hour, burst
    hour, burst, binds = promise(is_unclear or hour_left < 1, is_unclear or burst_left < 1)
    if binds > 0 then redis.call('HSET', H, 'p:' .. r.n, hour .. ',' .. burst) end
  end
end
for id, one in pairs(nodes) do
  out[#out + 1] = 'n:' .. id
  out[#out + 1] = one.q .. ',' .. one.held .. ',' .. one.hand .. ',' .. one.till .. ',' .. (one.wait or 0) .. ',' .. one.got .. ',' .. one.total .. ',' .. (one.spared or 0) .. ',' .. (one.hp or 0) .. ',' .. (one.bp or 0) .. ',' .. (one.alone or 0) .. ',' .. (one.sure or 0)
end
if a.hr then
  out[#out + 1] = 'h:' .. r.n
  out[#out + 1] = tostring(hours[r.n])
end
redis.call('HSET', H, unpack(out))
keep()

local reply = {
  g = a.g, now = now, grant = grant, retry = retry, nodes = live,
  held = held - r.held, wait = waiting, done = a.d or 0, used = used, hp = hp, bp = bp,
  hr = a.hr, hl = a.hr and a.hl - now, rem = a.rem, unh = a.unh or 0, foreign = a.foreign or 0,
  lim = a.lim, blim = a.blim, k = a.k, same = a.same, binds = binds,
}
if (a.quiet or 0) > now then reply.quiet = a.quiet - now end
if foreign > 0 then
  reply.fb = foreign
  reply.fbu = a.fbu - now
end
for _, kind in ipairs({ 'kh', 'kb', 'ku' }) do
  if (a[kind] or 0) > now then reply[kind] = a[kind] - now end
end
if r.tell then reply.slots = cjson.encode(burst.tell()) end
return cjson.encode(reply)
`)
