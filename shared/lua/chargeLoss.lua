-- Charges a loss to a task whose own process was lost under it.
--
-- KEYS[1]  the job (HASH)
-- Returns  losses charged to it so far; 0: the task is gone

-- @use room

if redis.call('HEXISTS', KEYS[1], 'name') == 0 then
  return 0
end
return redis.call('HINCRBY', KEYS[1], 'stc', 1)
