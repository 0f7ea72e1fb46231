/**
 * What an operator may ask and tell workers and queues: checked and answered in one place, so that
 * the API and clients over Redis say the same.
 */
import type { Broker } from './broker.ts';
import {
  CommandRefusedError,
  type FieldError,
  InvalidRequestError,
  KajeError,
  WorkerSilentError,
} from './errors.ts';
import type { InspectCommand, Inspection } from './inspection.ts';
import { CONTROL_COMMANDS, INSPECT_COMMANDS } from './schemas/cluster.ts';
import { type ControlRequest, type QueueBody, SCHEMAS, type WorkerBody } from './schemas.ts';
import { didYouMean } from './suggest.ts';
import { check } from './validation.ts';

export type ControlCommand = (typeof CONTROL_COMMANDS)[number];

export interface InspectOptions {
  /** Names of workers. Default: all that are alive. */
  readonly workers?: readonly string[] | undefined;
  /** Seconds to wait for answers, at most 30. Default: 1 */
  readonly timeout?: number | undefined;
}

const TIMEOUT = 1;
const TIMEOUT_MAX = SCHEMAS.Control.properties.timeout.maximum;

/** Which arguments each command takes, beside the timeout, and which of them it needs. */
const ARGUMENTS: Readonly<Record<ControlCommand, Arguments>> = {
  ping: {},
  shutdown: {},
  pool_grow: { takes: ['n', 'queue'] },
  pool_shrink: { takes: ['n', 'queue'] },
  autoscale: { takes: ['min', 'max', 'queue'], needs: 'max' },
  add_consumer: { takes: ['queue', 'concurrency'], needs: 'queue' },
  cancel_consumer: { takes: ['queue'], needs: 'queue' },
};

type Argument = keyof ControlRequest;

interface Arguments {
  readonly takes?: readonly Argument[];
  readonly needs?: Argument;
}

/**
 * Asks workers about themselves.
 * @throws KajeError NOT_FOUND for an unknown command or a worker that is not alive
 */
export async function inspectWorkers(
  broker: Pick<Broker, 'ask' | 'workers'>,
  command: string,
  { workers, timeout = TIMEOUT }: InspectOptions = {},
): Promise<Inspection> {
  const commands: readonly InspectCommand[] = INSPECT_COMMANDS;
  requireCommand(command, commands, 'inspect');
  if (!(timeout > 0 && timeout <= TIMEOUT_MAX)) {
    const message = `expected seconds above 0, at most ${TIMEOUT_MAX}, got ${timeout}`;
    throw new InvalidRequestError([{ path: '/timeout', message }]);
  }
  if (workers) await requireWorkers(broker, workers);
  const asked = { command, timeoutMs: timeout * 1000, ...(workers ? { workers } : {}) };
  const { byWorker, missing } = await broker.ask(asked);
  const said = [...byWorker]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, answer]) => [id, 'ok' in answer ? answer.ok : answer]);
  return { command, workers: Object.fromEntries(said), missing };
}

/**
 * Tells a worker something and waits for what it says to it.
 * @throws KajeError NOT_FOUND for an unknown command or a worker that is not alive
 * @throws InvalidRequestError, WorkerSilentError, CommandRefusedError
 */
export async function controlWorker(
  broker: Pick<Broker, 'ask' | 'workers'>,
  worker: string,
  command: string,
  request: unknown,
): Promise<{ worker: string; answer: unknown }> {
  const { timeout = TIMEOUT, ...args } = checkedArguments(command, request);
  await requireWorkers(broker, [worker]);
  const asked = { command, args, workers: [worker], timeoutMs: timeout * 1000 };
  const answer = (await broker.ask(asked)).byWorker.get(worker);
  if (!answer) throw new WorkerSilentError(worker, timeout);
  if ('error' in answer) throw new CommandRefusedError(worker, answer.error);
  return { worker, answer: answer.ok };
}

/**
 * Keeps workers from starting tasks of a queue, or lets them go on; says how it stands then.
 * @throws KajeError NOT_FOUND for a queue that never was
 */
export async function pauseQueue(
  broker: Pick<Broker, 'pause' | 'queues'>,
  name: string,
  isPaused: boolean,
): Promise<QueueBody> {
  await requireQueue(broker, name);
  await broker.pause(name, isPaused);
  return requireQueue(broker, name);
}

/** Removes all tasks of a queue that have not started; throws as pauseQueue. */
export async function purgeQueue(
  broker: Pick<Broker, 'purge' | 'queues'>,
  name: string,
): Promise<number> {
  await requireQueue(broker, name);
  return broker.purge(name);
}

async function requireQueue(broker: Pick<Broker, 'queues'>, name: string): Promise<QueueBody> {
  const queues = await broker.queues();
  const queue = queues.find((each) => each.name === name);
  if (queue) return queue;
  const names = queues.map((each) => each.name);
  throw new KajeError('NOT_FOUND', `No queue "${name}"${didYouMean(name, names)}`);
}

async function requireWorkers(
  broker: Pick<Broker, 'workers'>,
  names: readonly string[],
): Promise<void> {
  const alive: readonly WorkerBody[] = await broker.workers();
  const ids = alive.map(({ id }) => id);
  const unknown = names.find((name) => !ids.includes(name));
  if (unknown === undefined) return;
  throw new KajeError('NOT_FOUND', `No worker "${unknown}" is alive${didYouMean(unknown, ids)}`);
}

function requireCommand<T extends string>(
  name: string,
  commands: readonly T[],
  kind: string,
): asserts name is T {
  if (commands.some((each) => each === name)) return;
  const hint = didYouMean(name, commands) || `; there are: ${commands.join(', ')}`;
  throw new KajeError('NOT_FOUND', `No ${kind} command "${name}"${hint}`);
}

function checkedArguments(command: string, request: unknown): ControlRequest {
  requireCommand(command, CONTROL_COMMANDS, 'control');
  const wrong = check(SCHEMAS.Control, request);
  if (wrong.length > 0) throw new InvalidRequestError(wrong);
  // The schema says that it is one.
  const given = request as ControlRequest;
  const misplaced = misplacedIn(command, given);
  if (misplaced.length > 0) throw new InvalidRequestError(misplaced);
  return given;
}

function misplacedIn(command: ControlCommand, given: ControlRequest): FieldError[] {
  const { takes = [], needs } = ARGUMENTS[command];
  const all: readonly Argument[] = [...takes, 'timeout'];
  // Object.keys forgets what the keys are.
  const names = Object.keys(given) as Argument[];
  const errors = names
    .filter((name) => !all.includes(name))
    .map((name) => ({
      path: `/${name}`,
      message: `${command} does not take it, only ${all.join(', ')}`,
    }));
  if (needs && given[needs] === undefined) {
    errors.push({ path: `/${needs}`, message: `is required by ${command}` });
  }
  const { min = 1, max = 0 } = given;
  if (max > 0 && min > max) {
    errors.push({ path: '/min', message: `expected at most max, ${max}, got ${min}` });
  }
  return errors;
}
