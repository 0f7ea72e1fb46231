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
  /** Epoch milliseconds, by the clock of Redis. */
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
  return new RunningRun(run);
}

class RunningRun implements Running {
  readonly run: Run;
  readonly startedAt: number;
  #end: (ending: Ending) => void = () => undefined;

  constructor(run: Run) {
    this.run = run;
    this.startedAt = run.tools.clock.now();
  }

  ended(outcome: Promise<Outcome>): Promise<Outcome | Ending> {
    return new Promise((resolve, reject) => {
      this.#end = resolve;
      outcome.then(resolve, reject);
    });
  }

  release(): void {
    this.#giveUp('released', new Error('The worker is shutting down'));
  }

  revoke(terminate: boolean): void {
    this.run.isRevoked = true;
    const reason = new TaskRevokedError();
    if (terminate) this.#giveUp('gone', reason);
    else this.run.abort.abort(reason);
  }

  lose(): void {
    this.#giveUp('gone', new WorkerLostError('Another worker has taken this task over'));
  }

  #giveUp(how: Ending, reason: Error): void {
    const { run } = this;
    run.isReleased = true;
    this.#end(how);
    run.abort.abort(reason);
    run.kill.abort(reason);
  }
}
