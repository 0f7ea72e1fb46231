/** Processes whose clocks are an hour wrong: what is due in two seconds is, by whichever clock it was sent or run. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { clientOf, type TestApi } from '../support/api.ts';
import { endOf, sendAll } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { clockAhead } from '../support/shiftedClock.ts';
import { runKaje, runWorkerProcess } from '../support/worker.ts';

const CLOCKS = fileURLToPath(new URL('../fixtures/clocks.ts', import.meta.url));
const HOUR = 3_600_000;
/** Milliseconds after which a task that was due counts as late: an hour is meant, not a busy machine. */
const LATE = 30_000;

interface Given {
  /** Milliseconds by which the clock of the API is ahead. */
  readonly api: number;
  /** Of each worker. */
  readonly workers: readonly number[];
}

async function startCluster({ api: ahead, workers }: Given) {
  const config = testConfig();
  const redis = testRedis();
  const env = { KAJE_REDIS_URL: config.redisUrl, KAJE_PREFIX: config.prefix };
  const apiProcess = runKaje(['api', '--port', '0', '--log-format', 'json'], {
    ...env,
    ...clockAhead(ahead),
  });
  const started = workers.map((ms, i) =>
    runWorkerProcess(config, ['--tasks', CLOCKS, '--name', `w${i}`], clockAhead(ms)),
  );
  await Promise.all(started);
  const url = await eventually(() => /"url":"([^"]+)"/.exec(apiProcess.output())?.[1]);
  /** What the clock of Redis shows. */
  const now = async () => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Number(micros) / 1000;
  };
  return {
    api: clientOf(url, config, async () => undefined),
    now,
    runsOf: async (id: string) =>
      (await redis.lrange(`${config.prefix}.runs:${id}`, 0, -1)).map(Number),
  };
}

type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** Sends them together; each record at its end, and its starts as milliseconds since the send. */
async function run({ api, now, runsOf }: Cluster, tasks: readonly object[]) {
  const from = await now();
  const ids = await sendAll(api, tasks);
  const records = await endOf(api, ids, LATE);
  const until = await now();
  const starts = await Promise.all(
    ids.map(async (id) => (await runsOf(id)).map((ms) => ms - from)),
  );
  return { from, until, records, starts };
}

function spread(starts: readonly number[]): number {
  return Math.max(...starts) - Math.min(...starts);
}

/** No story ends before it begins, nor an hour ago, nor in an hour. */
function checkTimes({ sent_at: sent, started_at: started, date_done: done }: AsyncResultBody) {
  const times = [sent, started, done].map((time) => Date.parse(time ?? ''));
  expect(times).to.deep.equal([...times].sort((a, b) => a - b));
  return times;
}

async function checkDistances(api: TestApi, { api: apiMs, workers }: Given) {
  const ready = await api.get('/health/ready');
  expect(ready.body.clock_ahead_ms).to.be.within(apiMs - 5000, apiMs + 5000);
  const { body } = await api.get('/v1/workers');
  for (const [i, ms] of workers.entries()) {
    const { clock_ahead_ms: ahead } = body.workers.find(({ id }: { id: string }) => id === `w${i}`);
    expect(ahead).to.be.within(ms - 5000, ms + 5000);
  }
}

const hours = (ms: number) => (ms === 0 ? 'right' : `${ms > 0 ? '+' : ''}${ms / HOUR} h`);

const COMBINATIONS: readonly Given[] = [
  { api: HOUR, workers: [0] },
  { api: -HOUR, workers: [0] },
  { api: 0, workers: [HOUR] },
  { api: 0, workers: [-HOUR] },
  { api: HOUR, workers: [-HOUR] },
  { api: -HOUR, workers: [HOUR, -HOUR] },
];

for (const given of COMBINATIONS) {
  const workers = given.workers.map(hours).join(' and ');
  describe(`with clocks of API ${hours(given.api)}, workers ${workers}`, () => {
    it('spans are spans: nothing starts early, or an hour late, or expires before its time', async () => {
      const cluster = await startCluster(given);
      const { from, until, records, starts } = await run(cluster, [
        { name: 'once' },
        { name: 'once', countdown: 2 },
        { name: 'once', countdown: 2, expires: 25 },
        { name: 'once', countdown: 2, expires: 1 },
        { name: 'once', eta: new Date(Date.now() + 2000).toISOString() },
        { name: 'fails_once' },
        { name: 'asks_again' },
        { name: 'rejects_once' },
        { name: 'once', result_expires: 60, priority: 9 },
        { name: 'once', countdown: 2, priority: 9 },
        { name: 'alone', countdown: 2 },
        { name: 'only', kwargs: { key: 'a' } },
        ...Array.from({ length: 3 }, () => ({ name: 'paced' })),
      ]);
      const [atOnce, counted, expiring, expired, due, failing, asking, rejecting] = starts;
      const states = records.map(({ state }) => state);
      expect(expired).to.deep.equal([]);
      expect(states).to.deep.equal(states.map((_, i) => (i === 3 ? 'REVOKED' : 'SUCCESS')));
      for (const each of [counted, expiring, starts[9], starts[10]])
        expect(each?.[0]).to.be.at.least(2000);
      expect(from + (due?.[0] ?? 0)).to.be.at.least(Date.parse(records[4]?.eta ?? ''));
      expect(atOnce).to.have.length(1);
      for (const each of [failing, asking, rejecting]) {
        expect(each).to.have.length(2);
        expect(spread(each ?? [])).to.be.at.least(1500);
      }
      expect(spread(starts.slice(12).flat())).to.be.at.least(1500);
      for (const record of records.filter((_, i) => i !== 3)) {
        const [sent = 0, , done = 0] = checkTimes(record);
        expect(sent).to.be.at.least(Math.floor(from));
        expect(done).to.be.at.most(until);
      }
      await checkDistances(cluster.api, given);
    });
  });
}
