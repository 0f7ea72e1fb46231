import { type ClusterEvent, eventError, isoTime } from '../../shared/clusterEvents.ts';
import type { Run, Step } from '../context.ts';

/** Tells that the task was received, and how its run ended; nothing of one that was put back. */
export const tellEvents: Step = async function tellEvents(run, next) {
  const since = performance.now();
  tell(run, () => ({ type: 'task-received', ...aboutRun(run) }));
  await next();
  if (run.isReleased) return;
  // Told once it is stored: who reads the task then, is to find it.
  if (run.teller.wanted()) run.endEvent = endOf(run, Math.round(performance.now() - since) / 1000);
};

/** Tells that the run begins: stands behind the steps that may put the task back. */
export const tellStart: Step = async function tellStart(run, next) {
  tell(run, () => ({ type: 'task-started', ...aboutRun(run) }));
  await next();
};

/** While nobody follows, no event is made. */
function tell({ teller }: Run, make: () => ClusterEvent | undefined): void {
  if (!teller.wanted()) return;
  const event = make();
  if (event) teller.tell(event);
}

/** @param runtime seconds */
function endOf(run: Run, runtime: number): ClusterEvent | undefined {
  const { outcome } = run;
  switch (outcome?.kind) {
    case 'success':
      return { type: 'task-succeeded', ...aboutRun(run), runtime };
    case 'failure':
      return { type: 'task-failed', ...aboutRun(run), runtime, error: eventError(outcome.error) };
    case 'revoked':
      return { type: 'task-revoked', ...aboutRun(run), runtime, error: eventError(outcome.error) };
    case 'retry': {
      const { error, delayMs } = outcome;
      const more = {
        retries: run.ctx.retries + 1,
        eta: isoTime(run.tools.clock.now() + delayMs),
        runtime,
      };
      return { type: 'task-retried', ...aboutRun(run), ...more, error: eventError(error) };
    }
  }
  return undefined;
}

function aboutRun({ ctx, tools }: Run) {
  const { id, name, queue, worker, retries } = ctx;
  return { timestamp: isoTime(tools.clock.now()), task_id: id, name, queue, worker, retries };
}
