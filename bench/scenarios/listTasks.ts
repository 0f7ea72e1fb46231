import { createKeys } from '../../shared/keys.ts';
import { fill, reach } from '../harness/drain.ts';
import type { Store } from '../harness/peer.ts';
import { tsScript } from '../harness/posting.ts';
import { run, start } from '../harness/processes.ts';
import { type Bench, type Scenario, scaled, type Values } from '../harness/scenario.ts';
import { redisStore } from '../harness/stores.ts';
import { isKaje, type KajePeer } from '../peers/kaje/index.ts';
import { FAR, NEAR } from './statusRead.ts';

const MANY = 200_000;
const CALLS = 200;

/** What is asked for, as a query of GET /v1/tasks. */
const PAGES = {
  'first page of 10': 'limit=10',
  'first page of 50': 'limit=50',
  'page in the middle': 'limit=50&middle',
  'state=SUCCESS': 'limit=50&state=SUCCESS',
  'state=PENDING': 'limit=50&state=PENDING',
  'state=RETRY, none': 'limit=50&state=RETRY',
  'name, none': 'limit=50&name=nobody',
  'tag, none': 'limit=50&tag=nobody',
};

export const listTasks: Scenario = {
  name: 'listTasks',
  title: 'List tasks, among few and among many',
  about:
    'GET /v1/tasks where 10 tasks wait and 10 have ended, and where as many as the table says do ' +
    'of each; a page from here, a page from there, in turns; medians.',
  columns: [
    { key: 'far', label: 'among many, ms', digits: 2 },
    { key: 'near', label: 'among 10 + 10, ms', digits: 2 },
    { key: 'each', label: 'many: of each' },
  ],
  better: 'less',
  maxRounds: 3,
  contestants(bench) {
    const kaje = bench.peers.find(isKaje);
    if (!kaje) return [];
    const each = scaled(bench, MANY, 1000);
    let filled: Promise<void> | undefined;
    let round: readonly Values[] = [];
    const measureAll = async () => {
      filled ??= fillBoth(bench, kaje, each);
      await filled;
      return timesOf(bench, kaje, Object.values(PAGES));
    };
    return Object.entries(PAGES).map(([name, query], index) => ({
      name,
      peer: kaje.name,
      settings: `GET /v1/tasks?${query.replace('&middle', '&cursor=...')}; two APIs, defaults`,
      async run() {
        // The first of a round measures for all: what is to be seen is how they differ.
        if (index === 0) round = await measureAll();
        const own = round[index];
        if (!own) throw new Error('The pages of this round were not measured');
        return { ...own, each };
      },
    }));
  },
};

async function fillBoth(bench: Bench, kaje: KajePeer, many: number): Promise<void> {
  await kaje.open(bench);
  for (const [prefix, count] of [[NEAR, 10] as const, [FAR, many] as const]) {
    await kaje.publish(bench, prefix);
    const keys = createKeys(prefix);
    const { redis, dir } = bench;
    const store: Store = redisStore(redis, {
      env: placeOf(bench, prefix),
      done: () => redis.main.zcard(keys.finished('default', true)),
    });
    await fill(bench, kaje, store, { count });
    const worker = await start(kaje.work, { dir, env: store.env });
    await reach(store, worker, count).finally(() => worker.stop());
    await fill(bench, kaje, store, { count });
  }
}

function placeOf({ redis }: Bench, prefix: string): Record<string, string> {
  return { KAJE_REDIS_URL: redis.url, KAJE_PREFIX: prefix };
}

async function timesOf(
  bench: Bench,
  kaje: KajePeer,
  queries: readonly string[],
): Promise<readonly Values[]> {
  const { dir } = bench;
  const api = kaje.cli('api', '--port', '0');
  const serving = [NEAR, FAR].map((prefix) => start(api, { dir, env: placeOf(bench, prefix) }));
  const [near, far] = await Promise.all(serving);
  try {
    const [from, to] = [await near?.ready, await far?.ready];
    const given = {
      BENCH_QUERIES: JSON.stringify(queries),
      BENCH_CALLS: `${scaled(bench, CALLS, 50)}`,
    };
    const env = { ...given, BENCH_NEAR: `${from?.url}`, BENCH_FAR: `${to?.url}` };
    return (await run(tsScript('load/pages.ts'), { dir, env })) as Values[]; // Of the script.
  } finally {
    await near?.stop();
    await far?.stop();
  }
}
