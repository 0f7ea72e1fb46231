import { Command } from 'commander';
import { ResultTimeoutError } from '../../client/index.ts';
import type { AsyncResultBody } from '../../shared/protocol.ts';
import { countFlag, jsonFlag, secondsFlag, withClient, withTarget } from '../options.ts';
import { print, printJson, printResult } from '../output.ts';

interface SendFlags {
  args?: unknown[];
  kwargs?: Record<string, unknown>;
  queue?: string;
  taskId?: string;
  countdown?: number;
  maxRetries?: number;
  wait?: number | true;
  json?: boolean;
}

export function sendCommand(): Command {
  const command = new Command('send')
    .description('send a task')
    .argument('<name>', 'name of the task')
    .option('--args <json>', 'positional arguments, such as [2,3]', jsonFlag('array'))
    .option('--kwargs <json>', 'arguments by name, such as {"a":2}', jsonFlag('object'))
    .option('--queue <name>', "default: the task's queue")
    .option('--task-id <id>', 'makes the send safe to repeat')
    .option('--countdown <seconds>', 'not before so many seconds from now', secondsFlag)
    .option('--max-retries <count>', "default: the task's", countFlag)
    .option('--wait [seconds]', 'wait for the end; exit code 1 when the task fails', secondsFlag);
  return withTarget(command).action(send);
}

async function send(name: string, flags: SendFlags, command: Command): Promise<void> {
  const { kwargs, wait, json, args, queue, taskId, countdown, maxRetries } = flags;
  const given = Object.entries({ args, queue, taskId, countdown, maxRetries });
  const options = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  await withClient(command, async (kaje) => {
    const result = await kaje.sendTask(name, kwargs, options);
    const timeout = wait === true ? Number.POSITIVE_INFINITY : (wait ?? 0);
    if (wait !== undefined) await ended(result.get({ timeout, propagate: false }));
    show(await result.info, { json, timeout: wait === undefined ? undefined : timeout });
  });
}

/** A wait that was too short is no failure of the command: what is printed says so. */
export async function ended(waiting: Promise<unknown>): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    if (!(error instanceof ResultTimeoutError)) throw error;
  }
}

/** Prints a task, and when a wait was too short how to go on; a task that ended badly is exit code 1. */
export function show(
  result: AsyncResultBody,
  { json, timeout }: { json: boolean | undefined; timeout: number | undefined },
): void {
  if (json) printJson(result);
  else printResult(result);
  if (!result.ready && timeout !== undefined && !json)
    print(`not ready within ${timeout} s; to wait on: kaje result ${result.task_id} --wait`);
  if (result.ready && !result.successful) process.exitCode = 1;
}
