import { Command, InvalidArgumentError } from 'commander';
import type { LimitsOptions } from '../../client/index.ts';
import { withClient, withTarget } from '../options.ts';
import { print, printJson } from '../output.ts';

export function limitCommand(): Command {
  const command = new Command('limit')
    .description('change the limits of a task on all workers')
    .argument('<name>', 'name of the task')
    .option('--rate <rate>', '10/s, 100/m, 1000/h; 0 = none; own = as the task says')
    .option('--concurrency <count>', 'runs at once; 0 = none; own = as the task says', numberFlag)
    .option('--time-limit <seconds>', '0 = none; own = as the task says', numberFlag)
    .option('--soft-time-limit <seconds>', '0 = none; own = as the task says', numberFlag);
  return withTarget(command).action(limit);
}

/** As the task says; a flag's parser must not answer null, of which Commander makes an empty text. */
const OWN = 'own';

interface LimitFlags {
  rate?: string;
  concurrency?: number | typeof OWN;
  timeLimit?: number | typeof OWN;
  softTimeLimit?: number | typeof OWN;
  json?: boolean;
}

async function limit(name: string, flags: LimitFlags, command: Command): Promise<void> {
  const { rate, concurrency, timeLimit, softTimeLimit, json } = flags;
  const all = { rateLimit: rate, maxConcurrency: concurrency, timeLimit, softTimeLimit };
  const limits: LimitsOptions = Object.fromEntries(
    Object.entries(all)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, value === OWN ? null : value]),
  );
  const set = await withClient(command, (kaje) => kaje.setLimits(name, limits));
  if (json) return printJson(set);
  const words = Object.entries(set).map(
    ([key, value]) => `${key.replaceAll('_', ' ')} ${Number(value) === 0 ? 'none' : value}`,
  );
  print(`${name}: ${words.join(', ') || "the task's own limits"}`);
}

function numberFlag(text: string): number | typeof OWN {
  if (text === OWN) return OWN;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a number, 0 or more, or "own".');
}
