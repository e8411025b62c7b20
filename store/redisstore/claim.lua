-- Changes, or shows, the claims on one name. The Go side puts a shebang line before this: Redis 7 or later.
--
-- KEYS[1]  the name
-- ARGV     operation (claim, renew, release, list), owner (12 bytes; for release all zeros: everybody),
--          time to live of the claim in ms, slots, '1' for a fence, for how many ms the last fence outlives the claims
--
-- A name's value is the last fence (16 decimal digits, 0: none was asked for) and its claims: owner (12 bytes), fence
-- (16 digits, 0: none), deadline (13 digits, ms of this server's clock). claims.go reads the same format: change both.
local op, owner, ttl, slots, fenced, keep = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Read. A malformed value, or one that is not a string, counts as no claims. Any other error is returned.
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'table' and old.err and not old.err:find('WRONGTYPE', 1, true) then return old end
if type(old) ~= 'string' or #old < 16 or (#old - 16) % 41 ~= 0 or not old:sub(1, 16):find('^%d+$') then
  old = '0000000000000000'
end
local last, claims, own = tonumber(old:sub(1, 16)), {}, nil
for at = 17, #old, 41 do
  local numbers = old:sub(at + 12, at + 40)
  if numbers:find('^%d+$') and tonumber(numbers:sub(17)) > now then
    claims[#claims + 1] = {old:sub(at, at + 11), numbers:sub(1, 16), numbers:sub(17)}
    if old:sub(at, at + 11) == owner then own = #claims end
  end
end

if op == 'list' then
  local parts = {string.format('%013.0f', now)}
  for i, c in ipairs(claims) do parts[i + 1] = c[1] .. c[2] .. c[3] end
  return table.concat(parts)
end

local answer = 'yes'
if op == 'release' then
  if owner == string.rep('\0', 12) and #claims > 0 then
    claims = {}
  elseif own then
    table.remove(claims, own)
  else
    return ''
  end
  -- This wakes those who wait. They ask again now and then, so a user without the right to PUBLISH may release too.
  local told = redis.pcall('PUBLISH', KEYS[1], '')
  if type(told) == 'table' and told.err then answer = told.err end
else
  if not own then
    if op == 'renew' or #claims >= slots then return '' end
    own = #claims + 1
    claims[own] = {owner, '0000000000000000', ''}
  end
  local c = claims[own]
  if op == 'claim' then
    if fenced and tonumber(c[2]) == 0 then
      -- The time makes it grow even where the key was lost, and with it the last fence.
      last = math.max(last + 1, time[1] * 1000000 + time[2])
      c[2] = string.format('%016.0f', last)
    end
    answer = fenced and c[2] or '0000000000000000'
  end
  c[3] = string.format('%013.0f', math.min(now + ttl, 9999999999999))
end

if #claims == 0 and last == 0 then
  redis.call('UNLINK', KEYS[1])
  return answer
end
local parts, latest = {string.format('%016.0f', last)}, now
for i, c in ipairs(claims) do
  parts[i + 1] = c[1] .. c[2] .. c[3]
  latest = math.max(latest, tonumber(c[3]))
end
if last > 0 then latest = latest + keep end
redis.call('SET', KEYS[1], table.concat(parts), 'PX', string.format('%.0f', latest - now))
return answer
