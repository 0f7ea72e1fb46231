/**
 * Lets urgent tasks (priority 6 to 9) overtake those without a priority. BullMQ takes what has no
 * priority first; changing its fetch is cheaper than keeping every task of a queue in a sorted set,
 * and costs a queue without priorities one look at a key that is not there.
 */

/** Scores of BullMQ's prioritized set: its priority * 2^32 + a counter; ours of 5 has none. */
export const URGENT_FIRST = {
  from: 'rcall("RPOPLPUSH", waitKey, activeKey)',
  to: 'kajeFetch(waitKey, activeKey)',
  lua: `
local function kajeFetch(waitKey, activeKey)
  local prioritizedKey = string.sub(waitKey, 1, -5) .. "prioritized"
  local first = redis.call("ZRANGE", prioritizedKey, 0, 0, "WITHSCORES")
  if first[1] and tonumber(first[2]) < 5 * 0x100000000 then
    redis.call("ZREM", prioritizedKey, first[1])
    redis.call("LPUSH", activeKey, first[1])
    return first[1]
  end
  return redis.call("RPOPLPUSH", waitKey, activeKey)
end
`,
};
