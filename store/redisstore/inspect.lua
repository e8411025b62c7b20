#!lua flags=no-writes
-- Says what a tag is, and what time it is: deadlines of marks are kept by this server's clock. What is no string
-- counts as no tag, as for readers.
local time = redis.call('TIME')
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' and value.err and not value.err:find('WRONGTYPE', 1, true) then return value end
if type(value) ~= 'string' then value = '' end
return {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), value}
