import { Command } from 'commander';
import { withClient, withTarget } from '../options.ts';
import { ago, ahead, print, printJson, table } from '../output.ts';

export function workersCommand(): Command {
  return withTarget(new Command('workers').description('list the workers alive')).action(
    listWorkers,
  );
}

async function listWorkers({ json }: { json?: boolean }, command: Command): Promise<void> {
  const workers = await withClient(command, (kaje) => kaje.workers());
  if (json) return printJson({ workers });
  if (workers.length === 0)
    return print('No worker is alive: start one with kaje worker --tasks <folder>');
  table(
    [
      'worker',
      'queues',
      'active',
      'succeeded',
      'failed',
      'retried',
      'memory',
      'lag',
      'up',
      'last beat',
      'clock',
      '',
    ],
    workers.map((worker) => [
      worker.id,
      worker.queues.map(({ name, concurrency }) => `${name}:${concurrency}`).join(','),
      worker.active,
      worker.succeeded,
      worker.failed,
      worker.retried,
      `${worker.memory_mb} MB`,
      `${worker.loop_lag_ms} ms`,
      ago(worker.started_at),
      `${ago(worker.heartbeat_at)} ago`,
      ahead(worker.clock_ahead_ms),
      worker.stopping ? 'stopping' : '',
    ]),
  );
}
