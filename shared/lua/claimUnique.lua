-- Claims a uniqueness for a task; who holds it then, and for how long already?
--
-- KEYS[1]  the uniqueness (STRING): "<epoch ms of the claim> <id>"
-- ARGV[1]  id of the task, ARGV[2] ms, 0 to give it up, ARGV[3] a holder that may be replaced, or ""
-- Returns  { id of the task that holds it, ms since it does }
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local since, holder = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.+)$')
if holder and holder ~= ARGV[3] then
  return { holder, now - since }
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f %s', now, ARGV[1]), 'PX', ARGV[2])
end
return { ARGV[1], 0 }
