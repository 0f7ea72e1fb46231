import { Command } from 'commander';
import { waitFlag, withClient, withTarget } from '../options.ts';
import { ended, show, WAIT_DOC } from './send.ts';

export function resultCommand(): Command {
  const command = new Command('result')
    .description('show a task by its id')
    .argument('<id>', 'id of the task')
    .option('--wait [seconds]', WAIT_DOC, waitFlag);
  return withTarget(command).action(showResult);
}

async function showResult(
  id: string,
  { wait, json }: { wait?: number | true; json?: boolean },
  command: Command,
): Promise<void> {
  await withClient(command, async (kaje) => {
    const result = kaje.asyncResult(id);
    const timeout = wait === true ? Number.POSITIVE_INFINITY : (wait ?? 0);
    if (wait !== undefined) await ended(result.get({ timeout, propagate: false }));
    show(await result.info, { json, timeout: wait === undefined ? undefined : timeout });
  });
}
