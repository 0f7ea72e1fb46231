/** A run under way, and the ways in which somebody outside may end it. */
import { TaskRevokedError, WorkerLostError } from '../shared/taskErrors.ts';
import type { Run } from './context.ts';
import type { Outcome } from './outcome.ts';

/** What is done with a task whose run does not end by itself. */
export type Ending =
  /** Put back to its queue: the worker stops. */
  | 'released'
  /** Left alone: it was terminated, or another worker has it. */
  | 'gone';

export interface Running {
  readonly run: Run;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** How the run ended, or was ended, whichever comes first. */
  ended(outcome: Promise<Outcome>): Promise<Outcome | Ending>;
  /** The worker stops and waits no longer. */
  release(): void;
  /** It is to stop; with `terminate` its state is REVOKED already, and it is ended. */
  revoke(terminate: boolean): void;
  /** Its lock is gone: it was terminated, or taken over by another worker. */
  lose(): void;
}

export function createRunning(run: Run): Running {
  let end: (ending: Ending) => void = () => undefined;
  const giveUp = (how: Ending, reason: Error): void => {
    run.isReleased = true;
    end(how);
    run.abort.abort(reason);
    run.kill.abort(reason);
  };
  return {
    run,
    startedAt: Date.now(),
    ended: (outcome) =>
      new Promise((resolve, reject) => {
        end = resolve;
        outcome.then(resolve, reject);
      }),
    release: () => giveUp('released', new Error('The worker is shutting down')),
    revoke(terminate) {
      run.isRevoked = true;
      const reason = new TaskRevokedError();
      if (terminate) giveUp('gone', reason);
      else run.abort.abort(reason);
    },
    lose: () => giveUp('gone', new WorkerLostError('Another worker has taken this task over')),
  };
}
