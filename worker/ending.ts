/** How a task goes back to Redis: what the outcome of a run means in BullMQ's ways. */
import { parseJson } from '../shared/jobHash.ts';
import type { TaskErrorBody } from '../shared/schemas.ts';
import type { Delivery } from './delivery.ts';
import type { Outcome } from './outcome.ts';

interface Filed {
  /** Called once it is stored. */
  readonly onceStored?: (() => void) | undefined;
}

export type Ending = Filed &
  (
    | { readonly kind: 'completed'; readonly value: string } // JSON
    | { readonly kind: 'failed'; readonly reason: string; readonly stacktrace: string }
    | Delayed
    | { readonly kind: 'waiting' } // back to the front of its queue
    | { readonly kind: 'gone' } // left alone: somebody else has ended it or taken it over
  );

/** Comes again; not counted as an attempt without a reason. */
interface Delayed {
  readonly kind: 'delayed';
  readonly delayMs: number;
  readonly attempt?: { readonly reason: string; readonly stacktrace: string };
}

/** Attempts of which the traceback is kept: bounds what a task that fails for ever keeps in Redis. */
const TRACEBACKS_KEPT = 10;

export function endingOf(outcome: Outcome, delivery: Delivery): Ending {
  switch (outcome.kind) {
    case 'success':
      return { kind: 'completed', value: outcome.json };
    case 'failure':
    case 'revoked':
      return failed(outcome.error, delivery);
    case 'retry': {
      const { reason, stacktrace } = failed(outcome.error, delivery);
      return { kind: 'delayed', delayMs: outcome.delayMs, attempt: { reason, stacktrace } };
    }
    case 'lost':
      return { kind: 'waiting' };
    case 'later': {
      const { delayMs, onceStored } = outcome;
      return { kind: 'delayed', delayMs, onceStored };
    }
  }
}

export function failed(
  { message, traceback }: TaskErrorBody,
  { stacktrace = '[]' }: Delivery,
): Extract<Ending, { kind: 'failed' }> {
  const earlier = parseJson(stacktrace);
  const traces = [...(Array.isArray(earlier) ? earlier : []), traceback].slice(-TRACEBACKS_KEPT);
  return { kind: 'failed', reason: message, stacktrace: JSON.stringify(traces) };
}

/** A task that is not to be run at all; by BullMQ's class a reader knows that no run has failed. */
export function failedUnrun(delivery: Delivery, message: string): Ending {
  return failed(
    { type: 'UnrecoverableError', message, traceback: `UnrecoverableError: ${message}` },
    delivery,
  );
}
