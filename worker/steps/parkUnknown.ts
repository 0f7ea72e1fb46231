import type { Step } from '../context.ts';

/** Milliseconds until another worker may have a look: it doubles with each start, up to a minute. */
const FIRST_MS = 200;
const LONGEST_MS = 60_000;

/**
 * A task that this worker does not have goes back, for another one: during a deployment some know
 * it and some do not yet. A worker that starts with the task takes it out at once.
 */
export const parkUnknown: Step = async function parkUnknown(run, next) {
  if (run.isKnown) return void (await next());
  const { redis, keys } = run.tools;
  await redis.zadd(keys.parked(run.message.name), 'NX', Date.now(), run.job);
  const delayMs = Math.min(FIRST_MS * 2 ** (run.start - 1), LONGEST_MS);
  run.outcome = { kind: 'later', delayMs, why: 'no such task here' };
};
