-- Takes or keeps a turn that one process has at a time.
--
-- KEYS[1]  who has it (STRING); ARGV[1] who asks, ARGV[2] ms after which it is free again
-- Returns  1 when it is his
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  -- This clock was set back: he may be gone for long.
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
  return 0
end

-- @use room

redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
