-- Changes a field of a hash, unless somebody has changed it meanwhile.
--
-- KEYS[1]  HASH; ARGV[1] field, ARGV[2] its value so far, ARGV[3] its new one; "" stands for none
-- Returns  1 when it was changed
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end

-- @use room

if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 1
