/**
 * Every setting of a process: its environment variable, default, unit and check, in one table.
 * Read once at the start, validated whole, then frozen. `NAME_FILE` names a file that holds the value.
 */
import { AUTOSCALE_OFF } from './autoscale.ts';
import { DefinitionError } from './errors.ts';
import { DEFAULT_PORT, MAX_BODY_BYTES } from './schemas.ts';
import { withoutSecrets } from './secrets.ts';
import {
  autoscale,
  file,
  host,
  integer,
  type Kind,
  number,
  oneOf,
  percent,
  prefix,
  processes,
  redis,
  routes,
} from './settingKinds.ts';
import { limitsProblem } from './taskOptions.ts';

interface Setting<T> extends Kind<T> {
  readonly env: string;
  readonly default: T;
  readonly doc: string;
}

const setting = <T>(env: string, kind: Kind<T>, fallback: T, doc: string): Setting<T> => ({
  ...kind,
  env,
  default: fallback,
  doc,
});

export const SETTINGS = {
  redisUrl: setting(
    'KAJE_REDIS_URL',
    redis,
    'redis://127.0.0.1:6379',
    'Redis: redis://, rediss:// or a socket path',
  ),
  redisCa: setting('KAJE_REDIS_CA', file, '', 'File (PEM) of who signed the certificate of Redis'),
  redisCert: setting('KAJE_REDIS_CERT', file, '', 'File (PEM) of the certificate for Redis'),
  redisKey: setting('KAJE_REDIS_KEY', file, '', 'File (PEM) of the key of that certificate'),
  prefix: setting('KAJE_PREFIX', prefix, 'kaje', 'First part of every Redis key'),
  host: setting('KAJE_HOST', host, '127.0.0.1', 'Address that the API listens on'),
  port: setting('KAJE_PORT', integer(0, 65_535), DEFAULT_PORT, 'Port of the API; 0 = any free one'),
  maxConnections: setting(
    'KAJE_MAX_CONNECTIONS',
    integer(1),
    10_000,
    'Connections that the API holds at once',
  ),
  maxBodyBytes: setting(
    'KAJE_MAX_BODY_BYTES',
    integer(1),
    MAX_BODY_BYTES,
    'Largest request body, bytes',
  ),
  queueMaxLength: setting(
    'KAJE_QUEUE_MAX_LENGTH',
    integer(0),
    0,
    'Waiting tasks at which a queue answers 429; 0 = no limit',
  ),
  concurrency: setting(
    'KAJE_CONCURRENCY',
    integer(1, 10_000),
    20,
    'Tasks that a worker runs at once, of each queue',
  ),
  processes: setting(
    'KAJE_PROCESSES',
    processes,
    1,
    'Worker processes, each with an event loop of its own; auto = one for each core',
  ),
  autoscale: setting(
    'KAJE_AUTOSCALE',
    autoscale,
    AUTOSCALE_OFF,
    'Most and least tasks at once of each queue, 10,3: the load decides between them',
  ),
  timeLimit: setting(
    'KAJE_TIME_LIMIT',
    number(0),
    0,
    'Seconds that a run may take where its task says nothing; 0 = no limit',
  ),
  softTimeLimit: setting(
    'KAJE_SOFT_TIME_LIMIT',
    number(0),
    0,
    'Seconds after which a run is asked to stop where its task says nothing; 0 = no limit',
  ),
  runIn: setting(
    'KAJE_RUN_IN',
    oneOf('main', 'thread', 'process'),
    'main',
    'Where tasks run that say nothing: main (the event loop), thread or process',
  ),
  maxTasksPerChild: setting(
    'KAJE_MAX_TASKS_PER_CHILD',
    integer(0),
    0,
    'Runs after which a thread or process is replaced; 0 = never',
  ),
  maxMemoryPerChild: setting(
    'KAJE_MAX_MEMORY_PER_CHILD',
    integer(0),
    0,
    'Megabytes that a thread or process may hold; 0 = no limit',
  ),
  routes: setting(
    'KAJE_ROUTES',
    routes,
    [],
    'Queues of tasks that name none, by name: mail.*=mail,report_?=slow',
  ),
  grace: setting(
    'KAJE_GRACE',
    number(0),
    50,
    'Seconds that running tasks get to finish at a shutdown',
  ),
  stallLimit: setting(
    'KAJE_STALL_LIMIT',
    number(0),
    300,
    'Seconds for which a worker keeps its tasks while its event loop is blocked',
  ),
  healthHost: setting(
    'KAJE_HEALTH_HOST',
    host,
    '127.0.0.1',
    "Address of the worker's health checks",
  ),
  healthPort: setting(
    'KAJE_HEALTH_PORT',
    integer(0, 65_535),
    0,
    "Port of the worker's health checks; 0 = off",
  ),
  resultExpires: setting('KAJE_RESULT_EXPIRES', number(1), 86_400, 'Seconds that results are kept'),
  resultsMax: setting(
    'KAJE_RESULTS_MAX',
    integer(1),
    1_000_000,
    'Results kept, of each queue and outcome',
  ),
  resultMaxBytes: setting(
    'KAJE_RESULT_MAX_BYTES',
    integer(1),
    1024 * 1024,
    'Largest result of a task, bytes of JSON',
  ),
  redisMemoryLimit: setting(
    'KAJE_REDIS_MEMORY_LIMIT',
    percent,
    80,
    'Percent of the maxmemory of Redis above which tasks are refused and old results go; 100 = no limit of ours',
  ),
  batching: setting(
    'KAJE_BATCHING',
    oneOf('on', 'off'),
    'on',
    'off: a worker takes and ends each task by a script of BullMQ, not many by one of ours',
  ),
  logLevel: setting(
    'KAJE_LOG_LEVEL',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'debug, info, warn, error or silent',
  ),
  logFormat: setting(
    'KAJE_LOG_FORMAT',
    oneOf('auto', 'json', 'pretty'),
    'auto',
    'auto (pretty on a terminal), json or pretty',
  ),
} as const;

type Widened<T> = T extends string
  ? string extends T
    ? string
    : T
  : T extends number
    ? number
    : T;

export type Config = Readonly<{
  [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K] extends Setting<infer T> ? Widened<T> : never;
}>;

/**
 * Settings from the environment over the defaults, and `given` over both.
 * @param env variables; values of `NAME_FILE` must be read into `NAME` before (cli/env.ts does)
 * @throws DefinitionError that names every wrong setting at once
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  given: Partial<Config> = {},
): Config {
  const problems: string[] = [];
  const read = <T>(entry: Setting<T>): T => {
    const { env: name, parse, problem, default: fallback, expected } = entry;
    const raw = env[name];
    if (raw === undefined || raw === '') return fallback;
    const value = parse(raw);
    if (value === undefined) {
      problems.push(
        `Expected ${flagOf(name)} (${name}) to be ${expected}, got "${withoutSecrets(raw)}"`,
      );
    }
    const fault = problem?.(raw);
    if (fault) problems.push(`${flagOf(name)} (${name}) has ${fault}`);
    return value ?? fallback;
  };
  const settings: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries<Setting<unknown>>(SETTINGS))
    settings[key] = read(entry);
  // Every key of SETTINGS was read by its own parser just above.
  const config = Object.freeze({ ...(settings as Config), ...given });
  const clash = limitsProblem(config.softTimeLimit || undefined, config.timeLimit || undefined);
  if (clash) problems.push(`Expected ${clash} (KAJE_SOFT_TIME_LIMIT, KAJE_TIME_LIMIT)`);
  if (problems.length > 0) throw new DefinitionError(problems.join('\n'));
  return config;
}

/** The command-line flag of a variable: KAJE_HEALTH_PORT -> --health-port */
export function flagOf(env: string): string {
  return `--${env
    .replace(/^KAJE_/, '')
    .toLowerCase()
    .replaceAll('_', '-')}`;
}
