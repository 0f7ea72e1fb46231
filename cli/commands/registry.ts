import { Command } from 'commander';
import { KajeError, type RegistryEntry } from '../../client/index.ts';
import { didYouMean } from '../../shared/suggest.ts';
import { withClient, withTarget } from '../options.ts';
import { colour, print, printJson, table } from '../output.ts';

export function registryCommand(): Command {
  const command = new Command('registry')
    .description('list the tasks that workers serve, or show one')
    .argument('[name]', 'name of a task: shows its input, options and workers');
  return withTarget(command).action(showRegistry);
}

async function showRegistry(
  name: string | undefined,
  { json }: { json?: boolean },
  command: Command,
): Promise<void> {
  const tasks = await withClient(command, (kaje) => kaje.registry());
  if (name === undefined) {
    if (json) printJson({ tasks });
    else list(tasks);
    return;
  }
  const task = tasks.find((each) => each.name === name) ?? unknown(name, tasks);
  if (json) printJson(task);
  else show(task);
}

function unknown(name: string, tasks: readonly RegistryEntry[]): never {
  const near = didYouMean(
    name,
    tasks.map((task) => task.name),
  );
  throw new KajeError('TASK_NOT_SERVED', `No worker serves a task "${name}"${near}`);
}

function list(tasks: readonly RegistryEntry[]): void {
  if (tasks.length === 0) {
    print('No worker has published tasks: start one with kaje worker --tasks <folder>');
    return;
  }
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

function show({ name, description, options, workers, input, validates }: RegistryEntry): void {
  print(colour('bold', name));
  if (description !== null) print(description);
  print();
  for (const [option, value] of Object.entries(options)) line(option, value ?? 'not set');
  line('workers', workers.join(', ') || 'none alive');
  if (input === null) line('input', validates ? 'checked by the worker' : 'anything');
  else print(`\ninput, as JSON Schema\n${JSON.stringify(input, null, 2)}`);
}

function line(label: string, value: unknown): void {
  const shown = typeof value === 'object' ? JSON.stringify(value) : value;
  print(`${label.replaceAll('_', ' ').padEnd(15)}  ${shown}`);
}
