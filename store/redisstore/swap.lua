-- Changes one entry, if it is what the caller saw. The Go side puts a shebang line before this: Redis 7 or later.
--
-- KEYS[1]  the entry
-- ARGV     how the caller's entry is given (none, bytes, hash), the entry or its SHA-1 in hexadecimal, its length,
--          the new entry, its time to live in ms (0: for ever, less: it is removed)
local how, seen, size, value, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])

-- What is not a string counts as no entry, as it does for readers. Any other error is returned.
local now = redis.pcall('GET', KEYS[1])
if type(now) == 'table' and now.err and not now.err:find('WRONGTYPE', 1, true) then return now end
if type(now) ~= 'string' then now = false end

local same
if not now then
  same = how == 'none'
elseif how == 'bytes' then
  same = now == seen
elseif how == 'hash' then
  same = #now == size and redis.sha1hex(now) == seen
end
-- A client whose connection broke sends the same command again: what it has done already is done.
if not same and now ~= value then return '' end

if ttl < 0 then
  redis.call('UNLINK', KEYS[1])
elseif ttl == 0 then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PX', ARGV[5])
end
return 'done'
