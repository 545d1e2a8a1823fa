/** Of the budget's script: what stands there, and whether it and the report may be believed. */
export const BEGIN = `
local H, S = KEYS[1], KEYS[2]
local r = cjson.decode(ARGV[1])
local now = r.now
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local floor, max, min, ceil = math.floor, math.max, math.min, math.ceil

local function load()
  local a, nodes, hours, promised = {}, {}, {}, {}
  local flat = redis.call('HGETALL', H)
  for i = 1, #flat, 2 do
    local k, v = flat[i], flat[i + 1]
    local kind = string.sub(k, 1, 2)
    if kind == 'n:' then
      local f = {}
      for x in string.gmatch(v, '[^,]+') do f[#f + 1] = tonumber(x) end
      nodes[string.sub(k, 3)] = { q = f[1], held = f[2], hand = f[3], till = f[4], wait = f[5], got = f[6], total = f[7], spared = f[8], hp = f[9], bp = f[10], alone = f[11], sure = f[12] }
    elseif kind == 'h:' then
      hours[string.sub(k, 3)] = tonumber(v)
    elseif kind == 'p:' then
      local hour, burst = string.match(v, '(%d+),(%d+)')
      promised[string.sub(k, 3)] = { h = tonumber(hour), b = tonumber(burst) }
    elseif k == 'g' or k == 'run' or k == 'old' or k == 'same' then
      a[k] = v
    else
      a[k] = tonumber(v)
    end
  end
  return a, nodes, hours, promised
end

local a, nodes, hours, promised = load()
local function forget()
  redis.call('DEL', H, S)
  a, nodes, hours, promised = {}, {}, {}, {}
end
-- A clock that was set back would keep old slots for ever; one that was set forward is noticed by the nodes.
local SET_BACK = 5000
local is_set_back = a.at and a.at - now > SET_BACK
if is_set_back then forget() end
if r.reset and a.g == r.g then forget() end
local is_behind = a.at and now < a.at
if is_behind then now = a.at end

local function keep()
  redis.call('PEXPIRE', H, r.keep)
  redis.call('PEXPIRE', S, r.keep)
end
local function call_in(what, more)
  if r.bus then redis.pcall('PUBLISH', r.bus, what .. ' ' .. r.tag .. (more or '')) end
end
local function hush()
  a.quiet = now + r.settle
  call_in('all')
end

-- Nobody waits for the answer any more; who sent it goes on alone, or has said more since.
local me = nodes[r.n]
local is_late = r.sent and now - r.sent > r.late
if is_late or me and r.q <= me.q then return cjson.encode({ g = a.g or '', stale = 1, now = now }) end

-- A quiet that was not over when anybody was last heard of has not done its work: the clock was set forward meanwhile, or
-- all were away.
if a.at and (a.quiet or 0) > a.at and now > a.quiet and now - a.at > r.pulse * 2 then
  hush()
  redis.call('HSET', H, 'quiet', a.quiet)
end

local function server()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
end
-- Whose data this is, and where it was written.
if not a.g then
  a.g, a.run = r.id, server()
  if is_set_back then hush() end
  redis.call('HSET', H, 'g', a.g, 'at', now, 'quiet', a.quiet or 0, 'run', a.run)
end
if r.g ~= '' and r.g ~= a.g then
  if a.old ~= r.g then
    a.old = r.g
    hush()
    redis.call('HSET', H, 'old', a.old, 'quiet', a.quiet)
  end
  keep()
  return cjson.encode({ g = a.g, again = 1, now = now })
end
if r.back then
  local run = server()
  local is_other = a.run ~= run
  if is_other then a.run, a.moved = run, 1 end
  -- Where nobody else was heard of late, the others may have been away as well, and spent what is not known here. How long
  -- ago it was cannot be told by a clock that was set back meanwhile.
  local is_silent = not a.at or is_behind or r.setback or now - a.at > r.pulse * 2
  if is_other or (r.was and is_silent) then hush() end
  -- What stands here may be from before this node told anything: nobody knows any more what of its calls is in it.
  if a.moved and not me and r.base > 0 and not r.all then
    redis.call('HSET', H, 'run', a.run, 'moved', 1, 'quiet', a.quiet or 0)
    keep()
    return cjson.encode({ g = a.g, again = 1, now = now })
  end
end
`
