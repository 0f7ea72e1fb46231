/**
 * Whose a task is while it runs, and from when on its worker counts as lost; see
 * docs/decisions/005-locks.md. In an outage of Redis every lock runs out, though nobody has died.
 */

/**
 * A dead worker's tasks are taken over at most LOCK_MS + 2 * STALLED_CHECK_MS after its death: 9 s. A
 * live one whose event loop stands still has a thread that renews its locks (keeper/): only a process
 * that stands still as a whole for LOCK_MS - LOCK_RENEW_MS, 5 s, counts as dead.
 */
export const LOCK_MS = 7_000;
export const LOCK_RENEW_MS = 2_000;
export const STALLED_CHECK_MS = 1_000;
/**
 * Seconds of silence after which a line is made anew: less than the life of a lock, more than the 5 s for which
 * one waits for a task.
 */
export const SILENT_S = Math.max(6, LOCK_MS / 2000);

/**
 * Milliseconds without a look for lost tasks that mean an outage; a worker alone may miss one look
 * or two. Below the 5 s after which the first lock may be missing.
 */
const SILENCE_MS = 4_000;
/** Milliseconds that all workers get after it: to connect again (1 s) and to renew their locks. */
const PATIENCE_MS = LOCK_RENEW_MS + 2_000;

/**
 * A lock that has run out is still its owner's as long as nobody has taken the task over: it is
 * among the active ones then, and was not revoked meanwhile (a mark that was set while nobody ran
 * it names no start). Renewing sets the lock again.
 */
export const KEEPS_TASK = {
  from: 'rcall("GET", lockKey)',
  to: 'kajeOwner(lockKey, stalledKey, jobId, token)',
  lua: `
local function kajeOwner(lockKey, stalledKey, jobId, token)
  local owner = redis.call("GET", lockKey)
  if owner or not redis.call("LPOS", string.sub(stalledKey, 1, -8) .. "active", jobId) then
    return owner
  end
  local mark = redis.call("HMGET", string.sub(lockKey, 1, -6), "defa", "deferred")
  local isRevoked = mark[1] and string.sub(mark[2] or "", 1, 1) == ","
  return not isRevoked and token
end
`,
};

/**
 * The first looks for lost tasks after an outage take over nothing. Redis itself notes since when
 * somebody looks: workers that start just then know of no outage, and a Redis that was frozen has
 * kept their connections.
 */
export const WAITS_FOR_OWNERS = {
  from: "rcall('SMEMBERS', stalledKey)",
  to: "kajeMayTakeOver(stalledCheckKey, activeKey) and rcall('SMEMBERS', stalledKey) or {}",
  lua: `
local function kajeMayTakeOver(stalledCheckKey, activeKey)
  local key = stalledCheckKey .. ":since"
  local clock = redis.call("TIME")
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local since = redis.call("GET", key)
  if not since or tonumber(since) > now then
    -- Where nothing runs, nobody has to come back for it.
    since = redis.call("LLEN", activeKey) > 0 and now or 0
  end
  redis.call("SET", key, since, "PX", ${SILENCE_MS})
  return now - since >= ${PATIENCE_MS}
end
`,
};

/**
 * The clock of Redis may be set back, or another Redis with a clock of its own stand in for it. What should last
 * a second lasted until the old time came again then: nobody looked for lost tasks, and the locks of the dead stood.
 */
const STANDS = `
local function kajeStands(key, ms)
  local left = redis.call("PTTL", key)
  if left > tonumber(ms) then
    redis.call("PEXPIRE", key, ms)
  end
  return left ~= -2
end
`;

/** Nothing that a look goes by lasts longer than it should. */
export const ENDS_IN_TIME = [
  {
    from: 'rcall("EXISTS", stalledCheckKey) == 1',
    to: 'kajeStands(stalledCheckKey, maxCheckTime)',
    lua: STANDS,
  },
  {
    from: 'rcall("EXISTS", jobKey .. ":lock") == 0',
    to: `not kajeStands(jobKey .. ":lock", ${LOCK_MS})`,
    lua: '',
  },
];
