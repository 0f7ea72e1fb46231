/** Takes tasks from a queue and files how they ended, each by a script of BullMQ. */
import type { RedisClock } from '../shared/brokers/clock.ts';
import type { Backend } from './backend.ts';
import { type Delivery, deliveryOf } from './delivery.ts';
import type { Ending } from './ending.ts';
import { ownLifetime } from './retention.ts';

export interface Taken {
  readonly deliveries: readonly Delivery[];
  /** Whether there may be more to take. */
  readonly isMore: boolean;
  /** When the next task is due that waits for its time, epoch milliseconds; 0 = none does. */
  readonly dueMs: number;
}

export interface Filing {
  /** Takes a task for each of these slots, as long as there are some. */
  take(slots: readonly string[]): Promise<Taken>;
  /**
   * Stores how a task ended.
   * @param fetchNext whether its slot may have another one at once
   * @returns the other one
   * @throws Error when the task is not this worker's any more
   */
  file(delivery: Delivery, ending: Ending, fetchNext: boolean): Promise<Delivery | undefined>;
}

/** What BullMQ's scripts answer: a job, its id, ms of a rate limit of its own, when the next is due. */
type Next = Awaited<ReturnType<Backend['moveToActive']>>;

export interface FilingOptions {
  readonly backend: Backend;
  readonly worker: string;
  readonly clock: Pick<RedisClock, 'now'>;
  /** Seconds that results are kept, unless their task says another time. */
  readonly keptS: number;
}

/** @param tell those who follow a task that it has changed */
export function createFiling(options: FilingOptions, tell: (id: string) => void): Filing {
  const { backend, worker, clock } = options;
  return {
    async take(slots) {
      const deliveries: Delivery[] = [];
      for (const token of slots) {
        const next = await backend.moveToActive(token, worker);
        const delivery = nextOf(next, token);
        if (!delivery) return { deliveries, isMore: false, dueMs: dueOf(next, clock.now()) };
        deliveries.push(delivery);
      }
      return { deliveries, isMore: true, dueMs: 0 };
    },
    async file(delivery, ending, fetchNext) {
      const next = await fileBy(options, { delivery, ending, fetchNext });
      if (isNews(ending)) tell(delivery.id);
      return nextOf(next, delivery.token);
    },
  };
}

/** Of what was only put back nobody is told. */
function isNews(ending: Ending): boolean {
  if (ending.kind === 'delayed') return ending.attempt !== undefined;
  return ending.kind === 'completed' || ending.kind === 'failed';
}

/** Also the end of a rate limit of BullMQ's own. */
function dueOf([, , limitedMs, dueMs]: Next, nowMs: number): number {
  return limitedMs > 0 ? nowMs + Number(limitedMs) : Number(dueMs ?? 0);
}

function nextOf([job, id]: Next, token: string): Delivery | undefined {
  return job ? deliveryOf(job, id, token) : undefined;
}

interface End {
  readonly delivery: Delivery;
  readonly ending: Ending;
  readonly fetchNext: boolean;
}

async function fileBy(
  { backend, keptS }: FilingOptions,
  { delivery, ending, fetchNext }: End,
): Promise<Next> {
  const { id, token, opts } = delivery;
  // Of a job, the backend reads no more than this.
  const job = { id, opts } as Parameters<Backend['moveToFailed']>[0];
  const finish = async (args: Parameters<Backend['moveToFinished']>[1]): Promise<Next> =>
    (await backend.moveToFinished(id, [...args, ownLifetime(delivery, keptS)])) ?? [];
  switch (ending.kind) {
    case 'completed': {
      const { removeOnComplete } = opts;
      // Not moveToCompleted, which would write the JSON as JSON.
      const args = backend.moveToCompletedArgs(
        job,
        ending.value,
        keep(removeOnComplete),
        token,
        fetchNext,
      );
      return finish(args);
    }
    case 'failed': {
      const { reason, stacktrace } = ending;
      const fields = { failedReason: reason, stacktrace };
      const args = backend.moveToFailedArgs(
        job,
        reason,
        keep(opts.removeOnFail),
        token,
        fetchNext,
        fields,
      );
      return finish(args);
    }
    case 'delayed': {
      const { delayMs, attempt } = ending;
      const how = attempt
        ? { fieldsToUpdate: { failedReason: attempt.reason, stacktrace: attempt.stacktrace } }
        : { skipAttempt: true };
      // The delay counts from when Redis does it (bullScripts.ts).
      const filed = backend.moveToDelayed(id, 0, delayMs, token, { ...how, fetchNext });
      return (await filed) ?? [];
    }
    case 'waiting':
      await backend.moveJobFromActiveToWait(id, token);
      return [];
    case 'gone':
      return [];
  }
}

/** The backend takes undefined for "as the worker keeps them", though its types do not say so. */
function keep<T>(removal: T | undefined): T {
  return removal as T;
}
