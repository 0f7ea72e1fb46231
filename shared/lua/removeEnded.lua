-- Removes a task that has ended, with all its keys. Not BullMQ's own remove, which would as well
-- take one that an operator has just brought back, or a new one that was sent under its id.
--
-- KEYS[1]  base of the queue, "<prefix>:<queue>:"
-- ARGV[1]  id
-- ARGV[2], ARGV[3]  its fields "finishedOn" and "deferred" as they were read, "" for none: it is
--          removed if they still are so; without them whatever has ended is
-- Returns  1 when it was removed
local base, id = KEYS[1], ARGV[1]
local key = base .. id

local fields = redis.call('HMGET', key, 'finishedOn', 'deferred', 'defa', 'deid')
local done, mark = fields[1] or '', fields[2] or ''

-- @use marks

local hasEnded = fields[1] or (fields[3] and isRevocation(fields[3], fields[2]))
-- A worker that has just taken it out to file it holds a lock.
if not hasEnded or redis.call('EXISTS', key .. ':lock') == 1 then
  return 0
end
if ARGV[2] and (done ~= ARGV[2] or mark ~= ARGV[3]) then
  return 0
end

-- @use removal

local function leaves(set)
  return redis.call('ZREM', base .. set, id) == 1
end

local function leavesList(list)
  return redis.call('LREM', base .. list, 1, id) == 1
end

-- Lists last: to look through them takes time in proportion to their length.
local _ = leaves('completed') or leaves('failed') or leaves('delayed') or leaves('prioritized')
  or leavesList('active') or leavesList('wait')
removeKeys(base, id, fields[4])
return 1
