-- Changes one tag, as a whole. The Go side puts a shebang line before this: Redis 7 or later.
--
-- KEYS[1]  the tag. Without a key the script only shows that it can run.
-- ARGV     operation (tokens, mark, settle, unmark), nonce, writer (12 bytes each),
--          span of the mark in ms, time to live of the tag in ms
--
-- A tag's value is its token (12 bytes) and its marks: writer (12 bytes), deadline (13 decimal digits,
-- ms of this server's clock). value.go describes the same format: change both together.
if #KEYS == 0 then return 'gormcache' end

local op, nonce, writer, span, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Read. A malformed value, or one that is not a string, counts as no tag. Any other error is returned: a user without the
-- right to GET would otherwise remove the marks of all other writers.
local old = redis.pcall('GET', KEYS[1])
if type(old) == 'table' and old.err and not old.err:find('WRONGTYPE', 1, true) then return old end
if type(old) ~= 'string' then old = '' end
local token, marks, latest, dirty, own = nil, {}, 0, false, false
if #old >= 12 and (#old - 12) % 25 == 0 then
  token = old:sub(1, 12)
  for at = 13, #old, 25 do
    local deadline = old:sub(at + 12, at + 24)
    if not deadline:find('^%d+$') then
      token, marks, own = nil, {}, false
      break
    end
    if old:sub(at, at + 11) == writer then
      own = true -- removed here; set again below if span > 0
    elseif tonumber(deadline) <= now then
      dirty = true
    else
      marks[#marks + 1] = old:sub(at, at + 24)
      latest = math.max(latest, tonumber(deadline))
    end
  end
end
if op == 'unmark' and not token then return '' end

-- A new token is drawn from the old value and the time as well as from the nonce. A client whose
-- connection broke sends the same command again, perhaps after others have changed the tag: were
-- the token the nonce itself, it would come back, and with it every entry that was filled under it.
if dirty or not token or op == 'settle' then
  local hex = redis.sha1hex(nonce .. time[1] .. '.' .. time[2] .. KEYS[1] .. old)
  token = hex:sub(1, 24):gsub('%x%x', function(h) return string.char(tonumber(h, 16)) end)
end

if span > 0 then
  local deadline = math.min(now + span, 9999999999999)
  marks[#marks + 1] = writer .. string.format('%013.0f', deadline)
  latest = math.max(latest, deadline)
end

local new = token .. table.concat(marks)
if new == old then
  -- Nothing changes, but somebody still needs the tag.
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, latest - now + 1000)))
else
  -- A tag outlives its marks: if it expired before its writer's commit, a reader would create it anew, without a mark.
  redis.call('SET', KEYS[1], new, 'PX', string.format('%.0f', math.max(ttl, latest - now + 1000)))
end
if op == 'settle' and not own then return '' end -- the writer must know that its mark was lost
return new
