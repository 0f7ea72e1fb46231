/** What follows once the end of a run is stored: counted, and written to the log. */
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
  const { log } = tools;

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
        break;
      case 'failed':
        totals.failed++;
        if (delivery.deferredFailure !== undefined)
          tellUnrunEnd(delivery, delivery.deferredFailure);
        break;
      case 'delayed':
        if (ending.attempt) totals.retried++;
    }
    ending.onceStored?.();
  };
}
