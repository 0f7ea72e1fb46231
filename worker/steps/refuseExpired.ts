import { TaskExpired } from '../../shared/taskErrors.ts';
import { endTurn } from '../../shared/turns.ts';
import type { Run, Step } from '../context.ts';
import { describeError } from '../outcome.ts';

/** A task that was worth something until a time before now is not run, also not as a retry. */
export const refuseExpired: Step = async function refuseExpired(run, next) {
  const { expires } = run.ctx;
  // Not so of a time that is none, of other producers.
  const isOver = expires !== null && expires.getTime() <= run.tools.clock.now();
  if (!isOver) return void (await next());
  passTurnOn(run);
  run.outcome = { kind: 'revoked', error: describeError(new TaskExpired()) };
};

/** It may have been put back because it was its turn. */
function passTurnOn({ limits, task, job, tools }: Run): void {
  if (limits.maxConcurrency === 0) return;
  const { redis, keys } = tools;
  endTurn(redis, keys, { task: task.name, job }, tools.limits.own(task)).catch(() => undefined);
}
