import { Command } from 'commander';
import { withClient, withTarget } from '../options.ts';
import { print, printJson, table } from '../output.ts';

export function queuesCommand(): Command {
  return withTarget(new Command('queues').description('list the queues and what they hold')).action(
    listQueues,
  );
}

async function listQueues({ json }: { json?: boolean }, command: Command): Promise<void> {
  const queues = await withClient(command, (kaje) => kaje.queues());
  if (json) return printJson({ queues });
  if (queues.length === 0) return print('No queues yet: the first task or worker makes one');
  table(
    ['queue', 'waiting', 'delayed', 'active', 'succeeded', 'failed', 'workers', ''],
    queues.map((queue) => [
      queue.name,
      queue.waiting,
      queue.delayed,
      queue.active,
      queue.succeeded,
      queue.failed,
      queue.workers.length,
      noteOn(queue),
    ]),
  );
}

function noteOn(queue: { paused: boolean; waiting: number; workers: readonly string[] }): string {
  if (queue.paused) return 'paused';
  return queue.waiting > 0 && queue.workers.length === 0 ? 'no worker consumes it' : '';
}
