-- Lets go of claims, but of no other sender's.
-- KEYS: the claims (STRING: who holds it)
-- ARGV: the holder
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
  end
end
