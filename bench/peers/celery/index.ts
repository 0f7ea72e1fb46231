/** Celery on Redis: two pools, and both moments at which a task can be acknowledged. */
import { PYTHON_ENV, pythonWith } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { BENCH } from '../../harness/places.ts';
import type { Command } from '../../harness/processes.ts';
import { fieldOf } from '../../harness/redis.ts';
import { resultsApart } from '../../harness/stores.ts';

const FOLDER = `${BENCH}peers/celery`;
/** Of a pool of threads; with as many as there are cores, its default, it is slower. */
const THREADS = 10;

interface Variant {
  readonly pool: 'prefork' | 'threads';
  readonly acksLate: boolean;
}

/** Prefork, acknowledged at the start, is how it comes. */
export async function celeries(): Promise<Peer[]> {
  const found = await pythonWith('celery');
  const python = found?.python ?? 'python3';
  return [false, true].flatMap((acksLate) =>
    (['prefork', 'threads'] as const).map((pool) => ({
      ...celery({ pool, acksLate }, python),
      version: async () => found?.version,
    })),
  );
}

function celery({ pool, acksLate }: Variant, python: string): Omit<Peer, 'version'> {
  const env = { ...PYTHON_ENV, PYTHONPATH: FOLDER, BENCH_ACKS_LATE: acksLate ? '1' : '' };
  const command = (...args: string[]): Command => ({ command: python, args, env });
  const threads = pool === 'threads' ? ['--concurrency', `${THREADS}`] : [];
  const isDefault = pool === 'prefork' && !acksLate;
  return {
    name: `celery-${pool}${acksLate ? '-late' : ''}`,
    title: `Celery ${pool}, acks ${acksLate ? 'late' : 'early'}`,
    settings: [
      'Redis as broker and for results',
      pool === 'prefork' ? 'a process per core, as is its default' : `${THREADS} threads`,
      acksLate ? 'acknowledged after the run' : 'acknowledged before the run, as is its default',
      'prefetch multiplier 4, results kept for a day, log level warning',
    ].join('; '),
    install: 'apt-get install python3-celery python3-redis',
    tasks: 15_000,
    isOnRedis: true,
    isVariant: !isDefault,
    retriesAtOnce: isDefault,
    async open({ redis }) {
      const store = await resultsApart(redis);
      await redis.main.config('RESETSTAT');
      // A task that is to be tried again has a result as well: the count is that of all runs.
      const runs = async () => {
        const calls = fieldOf(await redis.main.info('commandstats'), 'cmdstat_setex');
        return Number(/calls=(\d+)/.exec(calls ?? '')?.[1] ?? 0);
      };
      return { ...store, runs };
    },
    fill: command(`${FOLDER}/fill.py`),
    work: command('-m', 'celery', '-A', 'bench_celery', 'worker', '--pool', pool, ...threads),
    ...(isDefault ? sending(command(`${FOLDER}/send.py`)) : {}),
  };
}

const sending = (send: Command) => ({
  send,
  sends: 'apply_async, which waits for Redis each time; there is no call that sends many',
  sendsOneAtATime: true,
});
