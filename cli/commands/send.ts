import { Command } from 'commander';
import { ResultTimeoutError, type SendOptions } from '../../client/index.ts';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { FAILED, NOT_READY } from '../exitCodes.ts';
import {
  countFlag,
  expiryFlag,
  jsonFlag,
  listFlag,
  secondsFlag,
  timeFlag,
  waitFlag,
  withClient,
  withTarget,
} from '../options.ts';
import { print, printJson, printResult } from '../output.ts';

/** The flags that are no send options. */
interface OwnFlags {
  kwargs?: Record<string, unknown>;
  wait?: number | true;
  json?: boolean;
}

export const WAIT_DOC =
  'wait for the end; exit code 1 when the task fails, 3 when the time is over before';

export function sendCommand(): Command {
  const command = new Command('send')
    .description('send a task')
    .argument('<name>', 'name of the task')
    .option('--args <json>', 'positional arguments, such as [2,3]', jsonFlag('array'))
    .option('--kwargs <json>', 'arguments by name, such as {"a":2}', jsonFlag('object'))
    .option('--queue <name>', "default: the task's queue")
    .option('--task-id <id>', 'makes the send safe to repeat')
    .option('--countdown <seconds>', 'not before so many seconds from now', secondsFlag)
    .option('--eta <time>', 'not before this time, such as 2026-11-22T10:00:00Z', timeFlag)
    .option('--expires <seconds|time>', 'not started by then, it is REVOKED', expiryFlag)
    .option('--priority <0-9>', '9 is most urgent; 5 where not given', countFlag)
    .option('--time-limit <seconds>', 'seconds that a run may take', secondsFlag)
    .option('--soft-time-limit <seconds>', 'seconds after which it is asked to stop', secondsFlag)
    .option('--max-retries <count>', "default: the task's", countFlag)
    .option('--headers <json>', 'for the task to read as ctx.headers', jsonFlag('object'))
    .option('--tags <list>', 'labels, such as nightly,invoices', listFlag)
    .option('--ignore-result', 'keep the state, not the value')
    .option('--result-expires <seconds>', "default: the task's, else the worker's", secondsFlag)
    .option('--wait [seconds]', WAIT_DOC, waitFlag);
  return withTarget(command).action(send);
}

async function send(name: string, flags: OwnFlags, command: Command): Promise<void> {
  const { kwargs, wait, json } = flags;
  await withClient(command, async (kaje) => {
    const result = await kaje.sendTask(name, kwargs, sendOptions(command));
    const timeout = wait === true ? Number.POSITIVE_INFINITY : (wait ?? 0);
    if (wait !== undefined) await ended(result.get({ timeout, propagate: false }));
    show(await result.info, { json, timeout: wait === undefined ? undefined : timeout });
  });
}

const SEND_OPTIONS = [
  ...(['args', 'queue', 'taskId', 'countdown', 'eta', 'maxRetries', 'headers', 'tags'] as const),
  ...(['ignoreResult', 'resultExpires', 'expires', 'priority'] as const),
  ...(['timeLimit', 'softTimeLimit'] as const),
] satisfies (keyof SendOptions)[];

/** Flags are named as the client's options are. */
function sendOptions(command: Command): SendOptions {
  const flags = command.opts<SendOptions>();
  const given = SEND_OPTIONS.map((name) => [name, flags[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** A wait that was too short is no error: what is printed and the exit code say so. */
export async function ended(waiting: Promise<unknown>): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    if (!(error instanceof ResultTimeoutError)) throw error;
  }
}

/** Prints a task, and when a wait was too short how to go on; sets the exit code. */
export function show(
  result: AsyncResultBody,
  { json, timeout }: { json: boolean | undefined; timeout: number | undefined },
): void {
  if (json) printJson(result);
  else printResult(result);
  const isLate = !result.ready && timeout !== undefined;
  if (isLate && !json) {
    print(`not ready within ${timeout} s; to wait on: kaje result ${result.task_id} --wait`);
    // Not of one that is due later: nobody is to take it yet.
    if (result.state === 'PENDING' && result.eta === null)
      print('whether a worker can take it: kaje doctor');
  }
  if (isLate) process.exitCode = NOT_READY;
  if (result.ready && !result.successful) process.exitCode = FAILED;
}
