import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { DefinitionError, type Kaje } from '../../client/index.ts';
import { FAILED } from '../exitCodes.ts';
import { withClient, withTarget } from '../options.ts';
import { print, printJson } from '../output.ts';

interface PurgeFlags {
  yes?: boolean;
  json?: boolean;
}

export function purgeCommand(): Command {
  const command = new Command('purge')
    .description('remove all tasks of a queue that have not started, also those due later')
    .argument('<queue>', 'name of the queue')
    .option('--yes', 'do not ask');
  return withTarget(command).action(purge);
}

async function purge(name: string, { yes, json }: PurgeFlags, command: Command): Promise<void> {
  if (!yes && !process.stdin.isTTY) {
    throw new DefinitionError(`Expected --yes: there is no terminal on which to ask about ${name}`);
  }
  await withClient(command, async (kaje) => {
    if (!yes && !(await isConfirmed(kaje, name))) {
      process.exitCode = FAILED;
      return print('Nothing was removed');
    }
    const purged = await kaje.purgeQueue(name);
    if (json) printJson({ purged });
    else print(`${purged} ${purged === 1 ? 'task' : 'tasks'} removed from ${name}`);
  });
}

async function isConfirmed(kaje: Kaje, name: string): Promise<boolean> {
  const queue = (await kaje.queues()).find((each) => each.name === name);
  // Whoever names no queue hears it from the purge itself.
  if (!queue) return true;
  const held = `${queue.waiting} waiting and ${queue.delayed} due later`;
  const answer = await answerTo(`Remove the tasks of ${name}, ${held}? [y/N] `);
  return /^y(es)?$/i.test(answer.trim());
}

/** Nothing, when whoever is asked leaves by Ctrl-C or Ctrl-D. */
async function answerTo(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const leaving = new AbortController();
  terminal.once('SIGINT', () => leaving.abort());
  terminal.once('close', () => leaving.abort());
  try {
    return await terminal.question(question, { signal: leaving.signal });
  } catch {
    process.stderr.write('\n');
    return '';
  } finally {
    terminal.close();
  }
}
