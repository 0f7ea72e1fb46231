/** Tells of tasks that ended without a run that could tell it: by a mark, or with their workers. */
import { lostEvent, revokedEvent } from '../shared/clusterEvents.ts';
import { deferredError, markOf } from '../shared/failures.ts';
import type { TaskErrorBody } from '../shared/schemas.ts';
import type { Delivery } from './delivery.ts';
import type { Tools } from './tools.ts';

export interface Unrun {
  readonly task_id: string;
  readonly name: string;
  readonly queue: string;
  readonly retries: number;
}

export function unrunOf({ id: task_id, name, retries }: Delivery, queue: string): Unrun {
  return { task_id, name, queue, retries };
}

/** @param words with which BullMQ has failed it: `Class: message`, or its own */
export async function tellUnrun(task: Unrun, words: string, tools: Tools): Promise<void> {
  const { redis, keys, teller, clock } = tools;
  if (!teller.wanted()) return;
  const mark = markOf(await redis.hget(keys.job(task.queue, task.task_id), 'deferred'));
  const error = deferredError(mark.words || words);
  if (error?.type === 'WorkerLostError') tellLost(task, error, tools);
  // Of one that was revoked while it waited, whoever did that has told it.
  const isNews = error?.type === 'TaskRevokedError' && mark.start !== '';
  if (isNews) teller.tell(revokedEvent(task, error, clock.now()));
}

/** Its worker was lost, or has given it up, and it may run once only. */
export function tellLost(
  task: Unrun,
  error: TaskErrorBody,
  { teller, worker, clock }: Tools,
): void {
  if (teller.wanted()) teller.tell(lostEvent(task, worker, error, clock.now()));
}
