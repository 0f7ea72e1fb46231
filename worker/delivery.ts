/** How a task goes back to BullMQ: what a run's outcome means in its ways. */
import { DelayedError, type Job, WaitingError } from 'bullmq';
import type { Log } from '../shared/log.ts';
import { bodyOf, type TaskMessage } from '../shared/message.ts';
import type { TaskErrorBody } from '../shared/schemas.ts';
import type { Outcome } from './outcome.ts';

/** Attempts of which the traceback is kept. */
const TRACEBACKS_KEPT = 10;

export function messageOf(job: Job, queue: string): TaskMessage {
  return { id: job.id ?? '', name: job.name, queue, sentAt: job.timestamp, body: bodyOf(job.data) };
}

/** Hands the outcome to BullMQ: a return, an error, an error that asks for a delay. */
export async function store(
  outcome: Outcome,
  job: Job,
  token: string | undefined,
): Promise<unknown> {
  // Bounds what a task that fails for ever keeps in Redis; this copy of the options is the worker's own.
  job.opts.stackTraceLimit = TRACEBACKS_KEPT;
  switch (outcome.kind) {
    case 'success':
      return outcome.value;
    case 'failure':
    case 'revoked':
      throw new RunFailed(outcome.error, 0);
    case 'retry':
      // Attempts are counted by our policy; BullMQ only needs to know that one is left.
      job.opts.attempts = Number.POSITIVE_INFINITY;
      job.opts.backoff = { type: 'kaje' };
      throw new RunFailed(outcome.error, outcome.delayMs);
    case 'later':
      await job.moveToDelayed(Date.now() + outcome.delayMs, token);
      outcome.onceStored?.();
      throw new DelayedError();
  }
}

/** Back to the front of its queue, not counted as a retry. */
export async function putBack(job: Job, token: string | undefined, log: Log): Promise<never> {
  await job.moveToWait(token);
  log.info({ state: 'PENDING' }, 'task was put back into its queue');
  throw new WaitingError();
}

/** Leaves a task alone that somebody else has ended or taken over; BullMQ just goes on. */
export function letGo(): never {
  throw new WaitingError();
}

/** What BullMQ stores of a run that failed: our message and traceback, as its error. */
export class RunFailed extends Error {
  readonly delayMs: number;

  constructor({ message, traceback }: TaskErrorBody, delayMs: number) {
    super(message);
    this.stack = traceback;
    this.delayMs = delayMs;
    // BullMQ goes by this name: no attempts of the job's own (plain BullMQ producers) apply.
    if (delayMs === 0) this.name = 'UnrecoverableError';
  }
}

/** BullMQ's backoff strategy: the delay that the outcome has named. */
export function delayOf(error: Error | undefined): number {
  return error instanceof RunFailed ? error.delayMs : -1;
}
