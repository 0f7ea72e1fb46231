-- Charges a loss to a task whose own process was lost under it: once for each start, though the answer may
-- be lost and this be sent again, or its worker as well before the task is back in its queue.
--
-- KEYS[1]  the job (HASH)
-- ARGV[1]  the start that was lost
-- Returns  losses charged to it so far; 0: the task is gone

-- @use room

local job = redis.call('HMGET', KEYS[1], 'name', 'stc', 'apart')
if not job[1] then
  return 0
end
if job[3] ~= ARGV[1] then
  return tonumber(job[2]) or 0
end
redis.call('HDEL', KEYS[1], 'apart')
return redis.call('HINCRBY', KEYS[1], 'stc', 1)
