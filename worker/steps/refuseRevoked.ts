import { TaskRevokedError } from '../../shared/taskErrors.ts';
import type { Step } from '../context.ts';
import { describeError } from '../outcome.ts';

/** A task that was revoked on its way here, or while it waited for its turn, is not run. */
export const refuseRevoked: Step = async function refuseRevoked(run, next) {
  if (!run.isRevoked) return void (await next());
  run.outcome = { kind: 'revoked', error: describeError(new TaskRevokedError()) };
};
