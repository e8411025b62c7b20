#!lua flags=no-writes
-- Returns the server's time in ms, by which the deadlines of marks are kept, and the value of a tag. A value that is not
-- a string counts as no tag, as it does for readers.
local time = redis.call('TIME')
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' and value.err and not value.err:find('WRONGTYPE', 1, true) then return value end
if type(value) ~= 'string' then value = '' end
return {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), value}
