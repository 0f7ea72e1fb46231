import { Argument, Command } from 'commander';
import {
  type ControlCommand,
  type ControlRequest,
  InvalidRequestError,
  type Kaje,
  KajeError,
} from '../../client/index.ts';
import { CONTROL_COMMANDS } from '../../shared/schemas/cluster.ts';
import { FAILED } from '../exitCodes.ts';
import { countFlag, secondsFlag, withClient, withTarget } from '../options.ts';
import { colour, print, printJson } from '../output.ts';

export function controlCommand(): Command {
  const command = new Command('control')
    .description('tell workers something; exit code 1 when one refuses or does not answer')
    .addArgument(new Argument('<command>', 'what to tell').choices(CONTROL_COMMANDS))
    .argument('[worker...]', 'names of workers (default: all alive)')
    .option('--n <count>', 'pool_grow, pool_shrink: slots (default: 1)', countFlag)
    .option('--queue <name>', 'add_consumer, cancel_consumer; the others: this queue only')
    .option('--concurrency <count>', 'add_consumer: tasks at once', countFlag)
    .option('--min <count>', 'autoscale: least tasks at once (default: 1)', countFlag)
    .option('--max <count>', 'autoscale: most tasks at once; 0 = off', countFlag)
    .option('--timeout <seconds>', 'how long to wait for an answer (default: 1)', secondsFlag);
  return withTarget(command).action(control);
}

type Said = { readonly answer: unknown } | { readonly error: string };

async function control(
  name: ControlCommand,
  named: readonly string[],
  { json }: { json?: boolean },
  command: Command,
): Promise<void> {
  const args = argumentsOf(command);
  const said = await withClient(command, (kaje) => tellAll(kaje, name, named, args));
  if (json) printJson({ command: name, workers: Object.fromEntries(said) });
  else if (said.size === 0) print('No worker is alive');
  else for (const [worker, answer] of said) print(`${worker}  ${inWords(answer)}`);
  const hasFailed = [...said.values()].some((each) => 'error' in each);
  if (hasFailed || said.size === 0) process.exitCode = FAILED;
}

async function tellAll(
  kaje: Kaje,
  name: ControlCommand,
  named: readonly string[],
  args: ControlRequest,
): Promise<ReadonlyMap<string, Said>> {
  const workers = named.length > 0 ? named : (await kaje.workers()).map(({ id }) => id);
  const told = workers.map(async (worker): Promise<[string, Said]> => {
    const said = kaje.control(worker, name, args).then((answer) => ({ answer }));
    return [worker, await said.catch(errorOf)];
  });
  return new Map(await Promise.all(told));
}

/** What concerns one worker; a wrong argument concerns all. */
function errorOf(error: unknown): Said {
  const isOfWorker = error instanceof KajeError && !(error instanceof InvalidRequestError);
  if (!isOfWorker || error.code === 'BROKER_UNAVAILABLE') throw error;
  return { error: error.message };
}

const ARGUMENTS = ['n', 'queue', 'concurrency', 'min', 'max', 'timeout'] as const;

function argumentsOf(command: Command): ControlRequest {
  const flags = command.opts<ControlRequest>();
  const given = ARGUMENTS.map((name) => [name, flags[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function inWords(said: Said): string {
  if ('error' in said) return colour('red', said.error);
  const { answer } = said;
  if (typeof answer !== 'object' || answer === null || !('queues' in answer)) return `${answer}`;
  // What every command but ping and shutdown answers.
  const queues = answer.queues as readonly QueueState[];
  return queues.map(stateInWords).join(', ') || 'consumes no queue';
}

interface QueueState {
  readonly name: string;
  readonly concurrency: number;
  readonly autoscale: { readonly min: number; readonly max: number } | null;
}

function stateInWords({ name, concurrency, autoscale }: QueueState): string {
  const bounds = autoscale ? ` (${autoscale.min} to ${autoscale.max})` : '';
  return `${name}:${concurrency}${bounds}`;
}
