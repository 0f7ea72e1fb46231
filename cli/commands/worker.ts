import { Command, Option } from 'commander';
import { configOf, parseQueues, taskPaths, withSettings } from '../options.ts';

interface WorkerFlags {
  tasks?: string[];
  queues: string;
  name?: string;
}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('run tasks')
    .addOption(
      new Option(
        '--tasks <path...>',
        'files, folders or globs of task modules: .js, .mjs, .ts (env: KAJE_TASKS, comma-separated)',
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
    );
  withSettings(
    command,
    'concurrency',
    'autoscale',
    'grace',
    'timeLimit',
    'softTimeLimit',
    'runIn',
    'maxTasksPerChild',
    'maxMemoryPerChild',
    'routes',
    'redisUrl',
    'prefix',
    'resultExpires',
    'resultsMax',
    'resultMaxBytes',
    'healthHost',
    'healthPort',
    'logLevel',
    'logFormat',
  );
  return command.action(async (flags: WorkerFlags) => {
    const tasks = taskPaths(flags.tasks);
    if (tasks.length === 0)
      command.error("error: required option '--tasks <path...>' not specified (or KAJE_TASKS)");
    const { runWorker } = await import('../../worker/main.ts');
    await runWorker(configOf(command), {
      tasks,
      queues: parseQueues(flags.queues),
      name: flags.name,
    });
  });
}
