import type { TaskErrorBody } from '../../shared/schemas.ts';
import type { Run, Step } from '../context.ts';

/** Writes one line for each run when it has ended: the wording of all task lines is here. */
export const logEnd: Step = async function logEnd(run, next) {
  const startedAt = performance.now();
  await next();
  if (run.isReleased) return;
  // Seconds, to 10 us.
  const runtime = Math.round((performance.now() - startedAt) * 100) / 100_000;
  const { id: task_id, name: task } = run.message;
  const { retries } = run.ctx;
  // Not by the run's own log: making one would cost more than the line. Nor of spread objects.
  if (run.outcome?.kind !== 'success') write(run, { task_id, task }, { runtime, retries });
  else run.tools.log.info({ task_id, task, state: 'SUCCESS', runtime, retries }, 'task succeeded');
};

function write({ outcome, losses, tools: { log } }: Run, names: object, fields: object): void {
  switch (outcome?.kind) {
    case 'retry': {
      const more = { retry_in: outcome.delayMs / 1000, error: inWords(outcome.error) };
      log.warn({ ...names, state: 'RETRY', ...fields, ...more }, 'task failed and will be retried');
      break;
    }
    case 'lost': {
      const more = { losses: losses + 1, error: inWords(outcome.error) };
      log.warn({ ...names, state: 'PENDING', ...fields, ...more }, 'task was lost and runs again');
      break;
    }
    case 'revoked':
      log.warn(
        { ...names, state: 'REVOKED', ...fields, error: inWords(outcome.error) },
        'task was revoked',
      );
      break;
    case 'later': {
      const more = { state: 'PENDING', again_in: outcome.delayMs / 1000, why: outcome.why };
      // A run came before it; the others only wait.
      if (outcome.why === 'rejected')
        log.info({ ...names, ...fields, ...more }, 'task was put back');
      else log.debug({ ...names, ...more }, 'task waits on');
      break;
    }
    case 'failure': {
      const { error } = outcome;
      const more = { error: inWords(error), traceback: error.traceback };
      log.error({ ...names, state: 'FAILURE', ...fields, ...more }, 'task failed');
    }
  }
}

function inWords({ type, message }: TaskErrorBody): string {
  return `${type}: ${message}`;
}
