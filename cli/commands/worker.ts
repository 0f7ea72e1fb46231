import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { configOf, parseQueues, taskPaths, withSettings } from '../options.ts';
import { processCount } from '../processes.ts';

interface WorkerFlags {
  tasks?: string[];
  queues: string;
  name?: string;
  supervised?: true;
}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('run tasks')
    .addOption(
      new Option(
        '--tasks <path...>',
        'files, folders or globs of task modules: .js, .mjs, .cjs, .ts, .mts, .cts (env: KAJE_TASKS, comma-separated)',
      ),
    )
    .addOption(
      new Option(
        '--queues <list>',
        'queues, each with its own concurrency if given: default,mail:5',
      )
        .env('KAJE_QUEUES')
        .default('default'),
    )
    .addOption(
      new Option('--name <name>', 'name of this worker (default: worker-<pid>@<host>)').env(
        'KAJE_NAME',
      ),
    )
    // Said by a supervisor to its processes.
    .addOption(new Option('--supervised').hideHelp());
  withSettings(
    command,
    'concurrency',
    'processes',
    'autoscale',
    'grace',
    'stallLimit',
    'timeLimit',
    'softTimeLimit',
    'runIn',
    'maxTasksPerChild',
    'maxMemoryPerChild',
    'routes',
    'redisUrl',
    'redisCa',
    'redisCert',
    'redisKey',
    'prefix',
    'resultExpires',
    'resultsMax',
    'redisMemoryLimit',
    'resultMaxBytes',
    'batching',
    'healthHost',
    'healthPort',
    'logLevel',
    'logFormat',
  );
  return command.action((flags: WorkerFlags) => run(command, flags));
}

async function run(command: Command, { name, supervised, ...flags }: WorkerFlags): Promise<void> {
  const tasks = taskPaths(flags.tasks);
  if (tasks.length === 0)
    command.error("error: required option '--tasks <path...>' not specified (or KAJE_TASKS)");
  const config = configOf(command);
  const queues = parseQueues(flags.queues);
  const count = processCount(config.processes, availableParallelism());
  if (count > 1 && !supervised) {
    const { supervise } = await import('../supervisor.ts');
    return supervise({ config, count, name });
  }
  const { runWorker } = await import('../../worker/main.ts');
  await runWorker(config, { tasks, queues, name, isSupervised: supervised === true });
}
