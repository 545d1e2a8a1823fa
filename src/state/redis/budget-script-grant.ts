/** Of the budget's script: who gets what of what is free, what is kept for whom, and when to ask again. */
export const GRANT = `
local grant, wait = 0, r.wait
if free > 0 and r.want > 0 then
  if free >= waiting + wait then
    grant = min(wait, free)
    if waiting == 0 then grant = grant + min(r.want - wait, floor((free - grant) / (2 * live))) end
  elseif wait > 0 then
    local part = (free + got + me.got) * (wait + me.got) / (waiting + got + wait + me.got) - me.got
    if part > 0 then grant = min(wait, free, ceil(part)) end
  end
end
me.held, me.hand, me.got = me.held + grant, me.hand + grant, me.got + grant
me.wait = max(0, wait - grant)
local function part_of(room, left)
  local is_kept = a.k and (me.held > 0 or wait > 0)
  return is_kept and max(0, min(left - grant, floor((room - grant) / (2 * live)))) or 0
end
local hp, bp = part_of(hour_room, hour_left), part_of(burst_room, burst_left)
me.hp, me.bp = max(hp, r.hp or 0), max(bp, r.bp or 0) -- It may not hear that it is less now.

local retry
if grant < wait then
  if hand + all_free - free > 0 and now - (a.called or 0) >= 40 then
    a.called = now
    call_in('hand')
  end
  local of_hour = hour_absent > 0 and hour_left < wait + waiting
  local of_burst = burst_absent > 0 and burst_left < wait + waiting
  if (of_hour or of_burst) and all_free > 0 and now - (a.begged or 0) >= 40 then
    a.begged = now
    call_in('promise', ' ' .. r.win .. ' ' .. table.concat({ promise(of_hour, of_burst) }, ' '))
  end
  if shut > 0 then retry = shut
  elseif not a.k then retry = 50
  elseif all_free > 0 then retry = 20
  else
    retry = 0
    if hour_room <= 0 then
      retry = hour_room + hand > 0 and 40 or (a.hr and a.hl - now or sliding and sliding.next_ms() or 100)
    end
    if burst_room <= 0 then
      local freed = burst.total > 0 and burst.next_ms() or 100
      if foreign > 0 and burst_room + foreign > 0 then freed = min(freed, a.fbu - now) end
      retry = max(retry, burst_room + hand > 0 and min(40, freed) or freed)
    end
  end
end
`
