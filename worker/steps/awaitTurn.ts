import { endTurn, takeTurn } from '../../shared/turns.ts';
import type { Run, Step } from '../context.ts';

/** Milliseconds after which a parked task looks for itself, should nobody have passed it the turn. */
const LOOK_MS = 60_000;

/** A limited task that may not start yet waits in Redis: it holds no slot and nobody up. */
export const awaitTurn: Step = async function awaitTurn(run, next) {
  const { intervalMs, maxConcurrency } = run.limits;
  if (intervalMs === 0 && maxConcurrency === 0) {
    leaveParked(run);
    await next();
    return;
  }
  const { redis, keys, limits } = run.tools;
  const turn = { task: run.message.name, job: run.job };
  const own = limits.own(run.task);
  const passOn = (job = run.job) =>
    void endTurn(redis, keys, { ...turn, job }, own).catch(() => undefined);
  const [answer, waitMs = 0] = await takeTurn(redis, keys, turn, own);
  if (answer === 'later') {
    run.outcome = { kind: 'later', delayMs: waitMs, why: 'rate limit' };
    return;
  }
  if (answer === 'parked') {
    // Whoever has ended before it stood in the line has called nobody.
    const onceStored = () => passOn('');
    run.outcome = { kind: 'later', delayMs: LOOK_MS, why: 'concurrency limit', onceStored };
    return;
  }
  if (maxConcurrency === 0) return void (await next());
  // Terminated: a run on the main loop may go on for long, but nobody waits for it.
  run.kill.signal.addEventListener('abort', () => run.isRevoked && passOn());
  try {
    await next();
  } finally {
    // One that the worker gave up is put back, or somebody else runs it: it keeps its turn.
    if (!run.isReleased) passOn();
  }
};

/** It was parked once, perhaps: should it wait again, for a retry, it must not be taken for parked. */
function leaveParked({ start, job, message, tools: { redis, keys } }: Run): void {
  if (start > 1) redis.zrem(keys.parked(message.name), job).catch(() => undefined);
}
