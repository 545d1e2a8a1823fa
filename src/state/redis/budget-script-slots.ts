/** Of the budget's script: when calls were answered, to a slot of their window. */
export const SLOTS = `
-- Slots of a window: what was answered in slot i has left the window at (i + 1) * width + window.
local function slots(prefix, width, window, oldest, total)
  local w = { oldest = oldest, total = total or 0 }
  local gone = floor((now - window) / width) - 1
  if w.oldest and w.oldest <= gone then
    if gone - w.oldest > 400 then
      local flat, first, sum = redis.call('HGETALL', S), nil, 0
      for i = 1, #flat, 2 do
        if string.sub(flat[i], 1, 1) == prefix then
          local at = tonumber(string.sub(flat[i], 2))
          if at <= gone then redis.call('HDEL', S, flat[i])
          else
            sum = sum + flat[i + 1]
            first = min(first or at, at)
          end
        end
      end
      w.oldest, w.total = first, sum
    else
      for i = w.oldest, gone do
        w.total = w.total - (redis.call('HGET', S, prefix .. i) or 0)
        redis.call('HDEL', S, prefix .. (i - 60))
      end
      w.oldest = gone + 1
    end
  end
  function w.add(at, count)
    local i = floor(at / width)
    if i <= gone or count <= 0 then return end
    redis.call('HINCRBY', S, prefix .. i, count)
    w.total = w.total + count
    w.oldest = min(w.oldest or i, i)
  end
  -- Also what has left the window since a moment a little before it.
  function w.since(at)
    local sum, first = w.total, floor(at / width)
    if gone - first > 50 then return nil end
    for i = first, gone do sum = sum + (redis.call('HGET', S, prefix .. i) or 0) end
    return sum
  end
  function w.next_ms()
    if not w.oldest then return nil end
    for i = w.oldest, w.oldest + 400 do
      if (tonumber(redis.call('HGET', S, prefix .. i) or 0)) > 0 then return (i + 1) * width + window - now end
    end
    return nil
  end
  function w.tell()
    local ages, flat = {}, redis.call('HGETALL', S)
    for i = 1, #flat, 2 do
      local at = tonumber(string.sub(flat[i], 2))
      if string.sub(flat[i], 1, 1) == prefix and at > gone then
        ages[#ages + 1] = now - min((at + 1) * width, now)
        ages[#ages + 1] = tonumber(flat[i + 1])
      end
    end
    return ages
  end
  return w
end
`
