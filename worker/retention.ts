/** How long results are kept, as BullMQ's scripts are told. */
import type { Config } from '../shared/config.ts';
import type { Delivery } from './delivery.ts';

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

/**
 * A result with its own lifetime is filed as if it had ended so many milliseconds later, so that whoever
 * removes by age (BullMQ, the sweeper) removes it in time and looks at one number only. '' = as all others.
 */
export function ownLifetime({ body }: Pick<Delivery, 'body'>, keptS: number): number | '' {
  const { result_expires } = body;
  // Other producers may have stored anything there.
  if (result_expires === undefined || !Number.isFinite(result_expires)) return '';
  return (result_expires - keptS) * 1000;
}

/**
 * Stands behind the removal of old results: where there are too many, one that is kept for a short time
 * would go before anybody has read it.
 */
export const KEEPS_OWN_LIFETIME = {
  from: 'rcall("XADD", eventStreamKey, "*", "event", ARGV[5]',
  to: 'kajeKeep(KEYS[11], jobId, timestamp, ARGV[10])\nrcall("XADD", eventStreamKey, "*", "event", ARGV[5]',
  lua: `
local function kajeKeep(set, id, now, later)
  if later and later ~= "" then
    redis.call("ZADD", set, "XX", string.format("%.0f", math.max(0, now + later)), id)
  end
end
`,
};
