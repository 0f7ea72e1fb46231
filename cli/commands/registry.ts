import { Command } from 'commander';
import { withClient, withTarget } from '../options.ts';
import { print, printJson, table } from '../output.ts';

export function registryCommand(): Command {
  const command = new Command('registry').description('list the tasks that workers serve');
  return withTarget(command).action(listRegistry);
}

async function listRegistry({ json }: { json?: boolean }, command: Command): Promise<void> {
  const tasks = await withClient(command, (kaje) => kaje.registry());
  if (json) return printJson({ tasks });
  if (tasks.length === 0)
    return print('No worker has published tasks: start one with kaje worker --tasks <folder>');
  table(
    ['task', 'input', 'queue', 'retries', 'workers', 'description'],
    tasks.map(({ name, input, options, workers, description }) => [
      name,
      Object.keys(input?.properties ?? {}).join(', '),
      options.queue,
      options.max_retries,
      workers.length,
      description ?? '',
    ]),
  );
}
