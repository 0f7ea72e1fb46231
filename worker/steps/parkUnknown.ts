import type { Run, Step } from '../context.ts';

/** Milliseconds until another worker may have a look: it doubles with each start, up to a minute. */
const FIRST_MS = 200;
const LONGEST_MS = 60_000;
/** Seconds behind the last visit: no worker may ever have the task, and tidy up after it. */
const LINE_EXPIRES = 86_400;

const warned = new WeakMap<object, Set<string>>();

/** One line for each unknown task of a worker: it may come by each few seconds. */
function warnOnce({ message: { name, queue }, log, tools }: Run): void {
  const names = warned.get(tools) ?? new Set();
  warned.set(tools, names);
  if (names.has(name)) return;
  names.add(name);
  const advice = 'give workers of different tasks queues of their own';
  log.warn(
    { queue },
    `this worker has no task "${name}"; such tasks wait for one that has: ${advice}`,
  );
}

/**
 * A task that this worker does not have goes back, for another one: during a deployment some know
 * it and some do not yet. A worker that starts with the task takes it out at once.
 */
export const parkUnknown: Step = async function parkUnknown(run, next) {
  if (run.isKnown) return void (await next());
  const { redis, keys, clock } = run.tools;
  const line = keys.parked(run.message.name);
  await Promise.all([
    redis.zadd(line, 'NX', clock.now(), run.job),
    redis.expire(line, LINE_EXPIRES),
  ]);
  warnOnce(run);
  // Starts that ended in a retry were runs, by a worker that has it.
  const visits = Math.max(1, run.start - run.ctx.retries);
  const delayMs = Math.min(FIRST_MS * 2 ** (visits - 1), LONGEST_MS);
  run.outcome = { kind: 'later', delayMs, why: 'no such task here' };
};
