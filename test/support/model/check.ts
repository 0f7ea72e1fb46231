/** Draws histories from seeds, and runs some at a time, each lane with a Redis of its own. */
import fc from 'fast-check';
import { type OwnRedis, ownRedis } from '../server.ts';
import { historyOf } from './commands.ts';
import { runHistory } from './history.ts';

const LENGTH = 80;
/** Most of a history is spent waiting. */
const LANES = 15;

/**
 * Runs so many histories of 80 commands, or the one of KAJE_SEED, which is then made smaller as long as it fails.
 * @throws what each one that failed says, with its seed; a lane ends with its first
 */
export async function checkHistories(count: number): Promise<void> {
  const given = process.env.KAJE_SEED;
  const first = given ? Number(given) : Math.floor(Math.random() * 2 ** 31);
  const seeds = Array.from({ length: given ? 1 : count }, (_, i) => first + i);
  console.log(`    seeds ${seeds[0]} to ${seeds.at(-1)}`);
  const lanes = Array.from({ length: Math.min(LANES, seeds.length) }, async () => {
    const redis = await ownRedis();
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift())
      await checkHistory(redis, seed, given !== undefined);
  });
  const reasons = (await Promise.allSettled(lanes)).flatMap((lane) =>
    lane.status === 'rejected' ? [lane.reason] : [],
  );
  if (reasons.length > 0) throw new Error(reasons.join('\n\n'), { cause: reasons[0] });
}

async function checkHistory(redis: OwnRedis, seed: number, isShrunk: boolean): Promise<void> {
  const holds = fc.asyncProperty(historyOf(LENGTH), (commands) => runHistory(redis, commands));
  const found = await fc.check(holds, { seed, numRuns: 1, endOnFailure: !isShrunk });
  if (!found.failed) return;
  throw new Error(`KAJE_SEED=${seed} shows it again: ${found.errorInstance}`, {
    cause: found.errorInstance,
  });
}
