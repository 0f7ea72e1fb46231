-- Notes a task that another one has sent, in the record of that one; the last 1,000 are kept.
-- Once only: a run that was tried again sends the same task again.
--
-- KEYS[1]  the job (HASH); ARGV[1] id of the child
if redis.call('EXISTS', KEYS[1]) == 0 then
  return
end
local children = redis.call('HGET', KEYS[1], 'children')
if not children then
  redis.call('HSET', KEYS[1], 'children', ARGV[1])
elseif not string.find(',' .. children .. ',', ',' .. ARGV[1] .. ',', 1, true) then
  children = children .. ',' .. ARGV[1]
  local _, commas = string.gsub(children, ',', '')
  if commas >= 1000 then
    children = string.match(children, ',(.*)')
  end
  redis.call('HSET', KEYS[1], 'children', children)
end
