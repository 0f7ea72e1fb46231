-- Removes all keys of a task that is in no list and no set any more.
local function removeKeys(base, id, deduplication)
  -- Of other BullMQ programs.
  if deduplication and redis.call('GET', base .. 'de:' .. deduplication) == id then
    redis.call('DEL', base .. 'de:' .. deduplication, base .. 'dn:' .. deduplication)
  end
  local key = base .. id
  redis.call('UNLINK', key, key .. ':logs', key .. ':lock', key .. ':dependencies', key .. ':processed',
    key .. ':failed', key .. ':unsuccessful')
end
