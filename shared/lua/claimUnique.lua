-- Claims uniquenesses for tasks, all of them or none; who holds each then, and for how long already?
--
-- KEYS     each uniqueness (STRING): "<epoch ms of the claim, 0 once the task is stored> <id>"
-- ARGV     for each: id of the task, ms (0 to give it up, unless the task is stored), a holder that
--          may be replaced or ""
-- Returns  for each: { id of the task that holds it, ms since it does }
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local holders, isStored = {}, {}
local isFree = true
for i, key in ipairs(KEYS) do
  local id, instead = ARGV[3 * i - 2], ARGV[3 * i]
  local since, holder = string.match(redis.call('GET', key) or '', '^(%d+) (.+)$')
  holders[i] = { id, 0 }
  isStored[i] = since == '0' and holder == id
  if holder and holder ~= id and holder ~= instead then
    holders[i] = { holder, now - since }
    isFree = false
  end
end
if not isFree then
  return holders
end
for i, key in ipairs(KEYS) do
  local id, ttl = ARGV[3 * i - 2], ARGV[3 * i - 1]
  if isStored[i] then
    -- It stays his until the task has ended.
  elseif ttl == '0' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, string.format('%.0f %s', now, id), 'PX', ttl)
  end
end
return holders
