/** How long results are kept, as BullMQ's scripts are told. */
import type { Config } from '../shared/config.ts';

/** Old results removed with tasks that end; the sweeper takes the rest. */
export const EVICT_AT_ONCE = 100;

/** Seconds, and how many of each queue. */
export function retentionOf({
  config,
}: {
  readonly config: Pick<Config, 'resultExpires' | 'resultsMax'>;
}) {
  return { age: config.resultExpires, count: config.resultsMax, limit: EVICT_AT_ONCE };
}
