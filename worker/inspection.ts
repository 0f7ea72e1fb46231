/** What a worker tells of itself when it is asked. */
import type { Redis } from 'ioredis';
import { limitsIn, readLimits } from '../shared/brokers/limiter.ts';
import { type Config, SETTINGS } from '../shared/config.ts';
import type {
  ActiveTask,
  InspectAnswers,
  RegisteredTask,
  ScheduledTask,
} from '../shared/inspection.ts';
import type { Keys } from '../shared/keys.ts';
import { DEFAULT_PRIORITY } from '../shared/message.ts';
import { type Registry, specOf, type TaskSpec } from '../shared/registry.ts';
import type { TaskLimitsRequest } from '../shared/schemas.ts';
import { withoutSecrets } from '../shared/secrets.ts';
import type { RunningTask } from './consumer.ts';
import type { Fleet } from './fleet.ts';

/** Parts of a task's arguments that are shown: whoever asks may ask a hundred workers. */
const ARGUMENTS_MAX = 1024;

/** The tasks that run now, longest first. */
export function describeActive(fleet: Fleet, worker: string): ActiveTask[] {
  const running = fleet.consumers.flatMap((consumer) => consumer.running());
  return running
    .sort((a, b) => a.startedAt - b.startedAt)
    .map((task) => describeRunning(task, worker));
}

function describeRunning(
  { message, startedAt, retries, runIn }: RunningTask,
  worker: string,
): ActiveTask {
  const { id, name, queue, body } = message;
  const { args = [], kwargs = {}, priority = DEFAULT_PRIORITY } = body;
  const isShown = isSmall([args, kwargs]);
  return {
    task_id: id,
    name,
    args: isShown ? args : null,
    kwargs: isShown ? kwargs : null,
    queue,
    retries,
    started_at: new Date(startedAt).toISOString(),
    run_in: runIn,
    priority,
    worker,
  };
}

/** Whether JSON of about 1 KiB holds the value; looks at no more of it than that. */
export function isSmall(value: unknown, max = ARGUMENTS_MAX): boolean {
  let left = max;
  const weigh = (part: unknown): void => {
    left -= typeof part === 'string' ? part.length + 2 : 8;
    if (left < 0 || typeof part !== 'object' || part === null) return;
    for (const inner of Array.isArray(part) ? part : fieldsOf(part)) {
      weigh(inner);
      if (left < 0) return;
    }
  };
  weigh(value);
  return left >= 0;
}

/** The keys and values of an object, one by one. */
function* fieldsOf(object: object): Generator<unknown> {
  for (const key in object) {
    yield key;
    yield Reflect.get(object, key);
  }
}

const SCHEDULED_MAX = 100;

interface Due {
  readonly id: string;
  readonly queue: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The next tasks of the worker's queues that are due later, soonest first, at most 100. */
export async function readScheduled(
  redis: Redis,
  keys: Keys,
  fleet: Fleet,
): Promise<ScheduledTask[]> {
  const queues = fleet.taking.map(({ queue }) => queue);
  const found = await Promise.all(queues.map((queue) => readDue(redis, keys, queue)));
  const due = found
    .flat()
    .sort((a, b) => a.at - b.at)
    .slice(0, SCHEDULED_MAX);
  const names = await Promise.all(
    due.map(({ queue, id }) => redis.hget(keys.job(queue, id), 'name')),
  );
  return due.map(({ id, queue, at }, i) => ({
    eta: new Date(at).toISOString(),
    task_id: id,
    name: names[i] ?? null,
    queue,
  }));
}

async function readDue(redis: Redis, keys: Keys, queue: string): Promise<Due[]> {
  const key = `${keys.queueBase(queue)}delayed`;
  const flat = await redis.zrange(key, '0', String(SCHEDULED_MAX - 1), 'WITHSCORES');
  const pairs = flat.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(flat[i + 1])] as const] : []));
  // BullMQ's score: due time in ms * 4096 + a sequence number.
  return pairs.map(([id, score]) => ({ id, queue, at: Math.floor(score / 4096) }));
}

export interface RegisteredOptions {
  readonly registry: Registry;
  readonly config: Pick<Config, 'runIn' | 'timeLimit' | 'softTimeLimit'>;
}

/** The tasks that the worker has, each with the options that hold here. */
export async function readRegistered(
  redis: Redis,
  keys: Keys,
  { registry, config }: RegisteredOptions,
): Promise<RegisteredTask[]> {
  const limits = await readLimits(redis, keys);
  return [...registry.values()]
    .map(specOf)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, options }) => ({
      name,
      options: heldOptions(options, limits.get(name) ?? {}, config),
    }));
}

function heldOptions(
  options: TaskSpec['options'],
  set: TaskLimitsRequest,
  config: RegisteredOptions['config'],
): RegisteredTask['options'] {
  const { timeLimit, softTimeLimit } = limitsIn(set, options);
  return {
    ...options,
    ...set,
    run_in: options.run_in ?? config.runIn,
    // 0 is none.
    time_limit: (timeLimit ?? config.timeLimit) || null,
    soft_time_limit: (softTimeLimit ?? config.softTimeLimit) || null,
  };
}

/** The settings of the worker by the names of their flags, without passwords. */
export function describeConfig(config: Config): InspectAnswers['conf'] {
  const named = Object.entries(SETTINGS).map(([key, { env }]) => {
    // Every key of SETTINGS is one of the config.
    const value = config[key as keyof Config];
    const name = env.replace(/^KAJE_/, '').toLowerCase();
    return [name, typeof value === 'string' ? withoutSecrets(value) : value] as const;
  });
  return Object.fromEntries(named);
}

/** What the process uses. */
export function describeProcess() {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    pid: process.pid,
    uptime: round(process.uptime()),
    memory: { rss_mb: round(rss / 2 ** 20), heap_used_mb: round(heapUsed / 2 ** 20) },
    cpu: { user: round(user / 1e6), system: round(system / 1e6) },
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
