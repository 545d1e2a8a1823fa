/**
 * Of the budget's script: the nodes that are there and have no part of this account. If Redis is lost, each of them may
 * send one call without leave, because nobody can tell it what is left; so one place is kept for each, in both windows. Where
 * those places are wanted, they are asked to promise that they will send nothing: until when the promise lets us grant
 * their places (`p:` of the hour, and of the burst window), and how much longer they are bound by it, until what was
 * granted meanwhile has left the window.
 */
export const ABSENT = `
-- One that was told its part may not have heard it: it is sure of it when it says so.
local function absent(window)
  local count = 0
  for _, id in ipairs(r.others or {}) do
    local one, promise = nodes[id], promised[id]
    local is_known = one and (one.sure == 1 or one.held > 0)
    if not is_known and (not promise or promise[window] <= now) then count = count + 1 end
  end
  return count
end
-- Until when it lets us grant, of either window; and how long it binds: also if our clock is set back, and that is not noticed.
local function promise(of_hour, of_burst)
  local hour, burst, binds = 0, 0, 0
  if of_hour then
    hour = a.hr and ceil(a.hl) or now + r.lease
    binds = hour - now + (a.hr and 0 or r.hw)
  end
  if of_burst then
    burst = now + r.lease
    binds = max(binds, r.lease + r.bw)
  end
  return hour, burst, binds > 0 and ceil(binds) + SET_BACK or 0
end
for id, one in pairs(promised) do
  if max(one.h, one.b) <= now then redis.call('HDEL', H, 'p:' .. id) end
end
`
