-- Marks a task that may run once only as lost, for the case that its worker dies while it runs it; or
-- takes this mark away again. The mark of a revocation stays.
--
-- KEYS[1]  the job (HASH)
-- ARGV[1]  BullMQ's "defa"; ARGV[2] what is noted with it, "" takes both away

-- @use room

local mark = redis.call('HGET', KEYS[1], 'defa')
if ARGV[2] == '' and mark == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'defa', 'deferred')
elseif ARGV[2] ~= '' and not mark and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'defa', ARGV[1], 'deferred', ARGV[2])
end
