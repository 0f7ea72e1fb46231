/** What follows once the end of a run is stored: counted, written to the log, kept as long as asked. */
import { deferredError } from '../shared/failures.ts';
import type { Delivery } from './delivery.ts';
import type { Ending } from './ending.ts';
import type { Tools } from './tools.ts';
import { tellUnrun, unrunOf } from './unrun.ts';

export type Totals = Record<'fetched' | 'succeeded' | 'failed' | 'retried', number>;

export interface OnFiledOptions {
  readonly queue: string;
  readonly tools: Tools;
  /** Counted up here. */
  readonly totals: Totals;
}

export function createOnFiled({ queue, tools, totals }: OnFiledOptions) {
  const { redis, keys, config, log, clock } = tools;

  /**
   * A result with its own lifetime is filed as if it had ended earlier or later, so that whoever
   * removes by age (BullMQ, the sweeper) removes it in time and looks at one number only.
   */
  const keepOwnExpiry = (delivery: Delivery, isSuccess: boolean): void => {
    const expires = delivery.body.result_expires;
    if (expires === undefined) return;
    const filedAt = Math.max(0, clock.now() + (expires - config.resultExpires) * 1000);
    redis.zadd(keys.finished(queue, isSuccess), 'XX', filedAt, delivery.id).catch(() => undefined);
  };

  /** It was revoked while it waited, or its workers were lost. */
  const tellUnrunEnd = (delivery: Delivery, words: string): void => {
    const { id: task_id, name: task } = delivery;
    const why = deferredError(words)?.traceback ?? words;
    log.warn({ task_id, task }, `task is not run any more: ${why}`);
    tellUnrun(unrunOf(delivery, queue), words, tools).catch(() => undefined);
  };

  return (delivery: Delivery, ending: Ending): void => {
    switch (ending.kind) {
      case 'completed':
        totals.succeeded++;
        keepOwnExpiry(delivery, true);
        break;
      case 'failed':
        totals.failed++;
        if (delivery.deferredFailure !== undefined)
          tellUnrunEnd(delivery, delivery.deferredFailure);
        keepOwnExpiry(delivery, false);
        break;
      case 'delayed':
        if (ending.attempt) totals.retried++;
    }
    ending.onceStored?.();
  };
}
