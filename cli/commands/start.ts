import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { type Config, SETTINGS } from '../../shared/config.ts';
import { KajeError } from '../../shared/errors.ts';
import type { TaskSpec } from '../../shared/registry.ts';
import { endInOrder } from '../../shared/startSignals.ts';
import { type Child, startChild } from '../children.ts';
import { envOf } from '../env.ts';
import { FAILED } from '../exitCodes.ts';
import { findOrMakeRedis } from '../localRedis.ts';
import { configOf, parseQueues, SETTING_NAMES, taskPaths, withSettings } from '../options.ts';
import { print } from '../output.ts';
import type { LocalRedis } from '../redisServer.ts';
import { welcome } from '../welcome.ts';

interface StartFlags {
  tasks?: string[];
  queues: string;
  name?: string;
  home: string;
}

/** The sample tasks lie beside cli/, in the sources as in dist. */
const SAMPLES = fileURLToPath(new URL('../../tasks', import.meta.url));
/** Where every command looks for Redis that is told of no other. */
const USUAL_PORT = Number(new URL(SETTINGS.redisUrl.default).port);
/** A terminal that is closed says SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function startCommand(): Command {
  const command = new Command('start')
    .description('start everything on this machine: Redis if none is given, the API, one worker')
    .addOption(
      new Option(
        '--tasks <path...>',
        'files, folders or globs of task modules (default: the sample tasks, ' +
          'env: KAJE_TASKS, comma-separated)',
      ),
    )
    .addOption(
      new Option(
        '--queues <list>',
        'queues of the worker, each with its own concurrency if given: default,mail:5',
      )
        .env('KAJE_QUEUES')
        .default('default'),
    )
    .addOption(
      new Option('--name <name>', 'name of the worker (default: worker-<pid>@<host>)').env(
        'KAJE_NAME',
      ),
    )
    .addOption(
      new Option('--home <folder>', 'where Redis and its data live')
        .env('KAJE_HOME')
        .default('.kaje'),
    );
  withSettings(command, ...SETTING_NAMES);
  return command.action((flags: StartFlags) => start(command, flags));
}

async function start(command: Command, flags: StartFlags): Promise<void> {
  // Wrong settings are told before anything is started.
  const given = configOf(command);
  parseQueues(flags.queues);
  await checkPort(given);
  const children: Child[] = [];
  const making = redisFor(command, given, flags.home);
  const { stop, isStopping } = stopInOrder(children, making);
  endInOrder();
  for (const signal of SIGNALS) process.on(signal, () => void stop(0));
  const redis = await making;
  if (isStopping()) return;
  const config = { ...given, redisUrl: redis.url };
  const env = { ...process.env, ...envOf(config) };
  const diedOf = (name: string) => (how: number | string) =>
    void stop(FAILED, `The ${name} ended by itself (${how}); its log above says why.`);
  const api = startChild({ args: ['api'], env, ended: diedOf('API') });
  const worker = startChild({
    args: workerArguments(flags),
    env,
    ended: diedOf('worker'),
    restarting: (how) => print(`The worker ended by itself (${how}); a new one starts in 1 s.`),
  });
  children.push(api, worker);
  const [{ url }, { tasks }] = await Promise.all([api.ready, worker.ready]);
  if (isStopping()) return;
  // What api/main.ts and worker/main.ts send.
  print(welcome({ url: url as string, tasks: tasks as TaskSpec[], origin: redis.origin, config }));
}

/** Told before Redis and the worker are started for nothing. */
async function checkPort({ host, port }: Config): Promise<void> {
  const probe = createServer().listen(port, host);
  await once(probe, 'listening').catch((error) => {
    const isTaken = error.code === 'EADDRINUSE';
    const reason = isTaken ? 'is in use; is Kaje running already?' : `: ${error.message}.`;
    throw new KajeError(
      'PORT_UNAVAILABLE',
      `Port ${port} on ${host} ${reason} Choose another with --port`,
    );
  });
  probe.close();
  await once(probe, 'close');
}

/** The default address is no wish: where nobody named a Redis, one is made. */
function redisFor(command: Command, { redisUrl }: Config, home: string): Promise<LocalRedis> {
  const flag = command.opts<{ redisUrl?: string }>().redisUrl;
  const url = flag || process.env.KAJE_REDIS_URL ? redisUrl : undefined;
  return findOrMakeRedis({ url, home, persistent: true, preferPort: USUAL_PORT, log: print });
}

function workerArguments({ tasks, queues, name }: StartFlags): string[] {
  const paths = taskPaths(tasks);
  const naming = name === undefined ? [] : ['--name', name];
  return [
    ...['worker', '--queues', queues, ...naming],
    ...['--tasks', ...(paths.length > 0 ? paths : [SAMPLES])],
  ];
}

/** The API first, so that nothing is accepted that nobody will see to; Redis last. */
function stopInOrder(children: readonly Child[], making: Promise<LocalRedis>) {
  let isStopping = false;
  const stop = async (code: number, reason?: string): Promise<void> => {
    if (isStopping) return reason === undefined ? hurry(children) : undefined;
    isStopping = true;
    if (reason !== undefined) print(reason);
    for (const child of children) await child.stop();
    // Why it could not be made, `start` says.
    await making.then((redis) => redis.stop()).catch(() => undefined);
    process.exit(code);
  };
  return { stop, isStopping: () => isStopping };
}

/** A second Ctrl-C: tasks that still run go back to their queue at once. */
function hurry(children: readonly Child[]): void {
  for (const child of children) child.hurry();
  // Redis is still being found or fetched, and that may take minutes.
  if (children.length === 0) process.exit(FAILED);
}
