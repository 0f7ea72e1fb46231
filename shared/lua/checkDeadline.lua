-- Changes a key that this connection watches when the deadline is over: its next transaction then does nothing.
-- KEYS: the key
-- ARGV: deadline (epoch ms)
-- Answers the time, epoch ms.
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[1]) then
  -- No TTL: a key that expires while it is watched would end the next try as well.
  redis.call("SET", KEYS[1], "")
  redis.call("DEL", KEYS[1])
end
return now
