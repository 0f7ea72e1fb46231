import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import type { Config } from '../../shared/config.ts';
import { KajeError } from '../../shared/errors.ts';
import { withoutSecrets } from '../../shared/secrets.ts';
import { findOrMakeRedis } from '../localRedis.ts';
import { configOf, parseQueues, withSettings } from '../options.ts';
import { colour, print } from '../output.ts';
import type { LocalRedis } from '../redisServer.ts';

/** The sample tasks lie beside cli/, in the sources as in dist. */
const SAMPLES = fileURLToPath(new URL('../../tasks', import.meta.url));
const MAIN = fileURLToPath(new URL(`../main${import.meta.url.slice(-3)}`, import.meta.url));

export function startCommand(): Command {
  const command = new Command('start')
    .description('start everything on this machine: Redis if none is given, the API, one worker')
    .addOption(
      new Option('--tasks <path...>', 'files, folders or globs of task modules').default(
        [SAMPLES],
        'the sample tasks',
      ),
    )
    .addOption(
      new Option('--queues <list>', 'queues of the worker').env('KAJE_QUEUES').default('default'),
    )
    .addOption(
      new Option('--home <folder>', 'where Redis and its data live')
        .env('KAJE_HOME')
        .default('.kaje'),
    );
  withSettings(command, 'host', 'port', 'redisUrl', 'prefix', 'concurrency', 'grace', 'logLevel');
  return command.action((flags: { tasks: string[]; queues: string; home: string }) =>
    start(command, flags),
  );
}

async function start(
  command: Command,
  flags: { tasks: string[]; queues: string; home: string },
): Promise<void> {
  // Wrong settings are told before anything is started.
  const config = configOf(command);
  parseQueues(flags.queues);
  await checkPort(config);
  const given = command.opts<{ redisUrl?: string }>().redisUrl ?? process.env.KAJE_REDIS_URL;
  const url = given ?? (process.env.KAJE_REDIS_URL_FILE ? config.redisUrl : undefined);
  const redis = await findOrMakeRedis({ url, home: flags.home, persistent: true, log: print });
  const env = childEnv({
    KAJE_REDIS_URL: redis.url,
    KAJE_HOST: config.host,
    KAJE_PORT: String(config.port),
    KAJE_PREFIX: config.prefix,
    KAJE_CONCURRENCY: String(config.concurrency),
    KAJE_GRACE: String(config.grace),
    KAJE_LOG_LEVEL: config.logLevel,
  });
  const api = run(['api'], env);
  const worker = run(['worker', '--queues', flags.queues, '--tasks', ...flags.tasks], env);
  const stop = stopInOrder(api, worker, redis);
  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  for (const [name, child] of [
    ['API', api],
    ['worker', worker],
  ] as const) {
    child.once(
      'exit',
      (code, signal) =>
        void stop(1, `The ${name} ended by itself (${code ?? signal}); its log above says why.`),
    );
  }
  const [[ready]] = await Promise.all([once(api, 'message'), once(worker, 'message')]);
  welcome(String(ready.url), redis);
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

/** What children are told; the files that may have told it to us are not read again. */
function childEnv(settings: Record<string, string>): NodeJS.ProcessEnv {
  const files = Object.keys(settings).map((name) => [`${name}_FILE`, '']);
  return { ...process.env, ...Object.fromEntries(files), ...settings };
}

/** A child in a process group of its own: Ctrl-C reaches this process only, which stops all in order. */
function run(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return fork(MAIN, args, { env, detached: true });
}

function stopInOrder(api: ChildProcess, worker: ChildProcess, redis: LocalRedis) {
  let isStopping = false;
  return async (code: number, reason?: string): Promise<void> => {
    if (isStopping) {
      // A second Ctrl-C: tasks that still run go back to their queue at once.
      if (reason === undefined) for (const child of [api, worker]) child.kill('SIGTERM');
      return;
    }
    isStopping = true;
    if (reason !== undefined) print(reason);
    await end(api);
    await end(worker);
    await redis.stop();
    process.exit(code);
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

function welcome(url: string, redis: LocalRedis): void {
  const send = `curl -s ${url}/v1/send_task -H 'Content-Type: application/json' \\
       -d '{"name": "execute_slow_stuff", "kwargs": {"rows": 30000000}, "task_id": "first"}'`;
  print(`
${colour('bold', 'Kaje is ready.')}  Ctrl-C stops it.

  API    ${colour('cyan', url)}
  Docs   ${colour('cyan', `${url}/docs`)}
  Redis  ${withoutSecrets(redis.url)} (${redis.origin})

Hand over some slow work, then ask for its result:

  ${send}
  curl -s '${url}/v1/tasks/first?wait=60'
`);
}
