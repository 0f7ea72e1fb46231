import { Command } from 'commander';
import type { Kaje, QueueBody } from '../../client/index.ts';
import { withClient, withTarget } from '../options.ts';
import { print, printJson } from '../output.ts';

export function pauseCommand(): Command {
  const command = new Command('pause')
    .description('keep workers from starting tasks of a queue; running ones go on')
    .argument('<queue>', 'name of the queue');
  return withTarget(command).action(changeBy((kaje, queue) => kaje.pauseQueue(queue)));
}

export function resumeCommand(): Command {
  const command = new Command('resume')
    .description('let workers start tasks of a queue again')
    .argument('<queue>', 'name of the queue');
  return withTarget(command).action(changeBy((kaje, queue) => kaje.resumeQueue(queue)));
}

function changeBy(change: (kaje: Kaje, queue: string) => Promise<QueueBody>) {
  return async (name: string, { json }: { json?: boolean }, command: Command): Promise<void> => {
    const queue = await withClient(command, (kaje) => change(kaje, name));
    if (json) return printJson(queue);
    const how = queue.paused ? 'is paused' : 'goes on';
    print(`${queue.name} ${how}: ${queue.waiting} waiting, ${queue.active} running`);
  };
}
