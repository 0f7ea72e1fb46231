import { Command } from 'commander';
import type { Kaje } from '../../client/index.ts';
import { FAILED } from '../exitCodes.ts';
import { secondsFlag, withClient, withTarget } from '../options.ts';
import { colour, print, printJson, table } from '../output.ts';

export function statusCommand(): Command {
  const command = new Command('status')
    .description('ask each worker whether it answers; exit code 1 when none does')
    .option('--timeout <seconds>', 'how long to wait for an answer', secondsFlag, 1);
  return withTarget(command).action(showStatus);
}

interface Status {
  readonly worker: string;
  /** Milliseconds; null: it did not answer. */
  readonly round_trip_ms: number | null;
}

async function showStatus(
  { timeout, json }: { timeout: number; json?: boolean },
  command: Command,
): Promise<void> {
  const found = await withClient(command, async (kaje) => {
    // Asked together at first: what is set up for a first question must not count as its way.
    const { workers, missing } = await kaje.inspect('ping', { timeout });
    const answered = Object.keys(workers).map((worker) => ping(kaje, worker, timeout));
    const silent = missing.map((worker) => ({ worker, round_trip_ms: null }));
    return [...(await Promise.all(answered)), ...silent];
  });
  if (json) printJson({ workers: found });
  else show(found);
  if (found.every((each) => each.round_trip_ms === null)) process.exitCode = FAILED;
}

async function ping(kaje: Kaje, worker: string, timeout: number): Promise<Status> {
  const askedAt = performance.now();
  const { missing } = await kaje.inspect('ping', { workers: [worker], timeout });
  const tookMs = Math.round((performance.now() - askedAt) * 10) / 10;
  return { worker, round_trip_ms: missing.length === 0 ? tookMs : null };
}

function show(found: readonly Status[]): void {
  if (found.length === 0) {
    print('No worker is alive');
    return;
  }
  table(
    ['worker', 'status', 'round trip'],
    found.map(({ worker, round_trip_ms: ms }) => [
      worker,
      ms === null ? 'silent' : 'OK',
      ms === null ? '' : `${ms} ms`,
    ]),
  );
  const answered = found.filter(({ round_trip_ms: ms }) => ms !== null).length;
  const text = `${answered} of ${found.length} answered`;
  print(answered === found.length ? text : colour('red', text));
}
