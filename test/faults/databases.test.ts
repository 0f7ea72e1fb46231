/** Several Kajes on one Redis, apart by a database or a prefix; and a database that Redis refuses. */
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { startApi } from '../../api/server.ts';
import { Kaje } from '../../client/index.ts';
import type { ClusterEvent } from '../../shared/clusterEvents.ts';
import type { Config } from '../../shared/config.ts';
import { BrokerUnavailableError } from '../../shared/errors.ts';
import { createRegistry } from '../../shared/registry.ts';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { startWorker } from '../../worker/worker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, startLife } from '../support/life.ts';
import { collectLog } from '../support/log.ts';
import { silentLog, testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { publishTasks } from '../support/stack.ts';
import { FIXTURES, runKaje, startTestWorker } from '../support/worker.ts';

/** A Kaje with a worker `w1`, and somebody who follows its events and all channels of its Redis. */
async function startOne(given: Partial<Config>) {
  const life = await startLife(given);
  const signals: AbortSignal[] = [];
  const { open, opened } = gate();
  defer(open);
  const held = defineTask('held', {
    run(_: object, { signal }: TaskContext) {
      signals.push(signal);
      return opened;
    },
  });
  const registry = createRegistry([noop, held].map((task) => [task, 'the test'] as const));
  const queues = [{ name: 'default', concurrency: 2 }];
  const options = { config: life.config, registry, queues, log: silentLog(), name: 'w1' };
  const worker = await startWorker(options);
  defer(() => worker.stop(AbortSignal.abort()));
  const told: ClusterEvent[] = [];
  defer(await life.broker.listenToEvents((events) => told.push(...events)));
  const tasksTold = () => told.filter(({ type }) => type.startsWith('task-')).length;
  return { ...life, signals, tasksTold };
}

const noop = defineTask('noop', { run: () => 1 });

const APART: readonly [what: string, one: [number, string], other: [number, string]][] = [
  ['two databases', [0, 'app'], [1, 'app']],
  ['two databases with numbers that begin alike', [1, 'app'], [11, 'app']],
  ['two prefixes', [0, 'app'], [0, 'app.1']],
  ['two prefixes that begin alike', [0, 'app'], [0, 'app2']],
];

describe('one Redis', () => {
  for (const [what, one, other] of APART) {
    it(`keeps ${what} apart: neither hears of the other`, async () => {
      const server = await ownRedis();
      const configOf = ([database, prefix]: [number, string]) => ({
        ...{ redisUrl: `${server.url}/${database}`, prefix },
      });
      const production = await startOne(configOf(one));
      const staging = await startOne(configOf(other));
      let changes = 0;
      for (const id of ['quick', 'same']) defer(await staging.broker.listen(id, () => changes++));
      await production.send('noop', ['quick']);
      await production.end('quick');
      await production.send('held', ['same']);
      await production.becomes('same', 'STARTED');
      await eventually(() => production.tasksTold() > 0);
      expect(await staging.broker.read(['quick', 'same'])).to.deep.equal([null, null]);

      await staging.send('held', ['same']);
      await staging.becomes('same', 'STARTED');
      const heard = production.tasksTold();
      await staging.broker.revoke('same', true);
      await eventually(() => staging.signals[0]?.aborted === true);
      await staging.becomes('same', 'REVOKED');
      await eventually(() => staging.tasksTold() > 0);
      const told = { command: 'pool_grow', args: { n: 3, queue: 'default' }, timeoutMs: 5000 };
      const grown = await staging.broker.ask({ ...told, workers: ['w1'] });
      expect(grown.missing).to.deep.equal([]);
      await staging.broker.ask({ command: 'shutdown', workers: ['w1'], timeoutMs: 5000 });
      await eventually(async () => (await staging.broker.workers()).length === 0);

      // Behind all that the other was told: Redis hands messages on in their order.
      const stats = await production.broker.ask({ command: 'stats', timeoutMs: 5000 });
      const answer = stats.byWorker.get('w1') as { ok: { queues: { concurrency: number }[] } };
      expect(answer.ok.queues[0]?.concurrency).to.equal(2);
      expect(production.signals[0]?.aborted).to.equal(false);
      expect((await production.read('same')).state).to.equal('STARTED');
      expect(production.tasksTold()).to.equal(heard);
      expect(changes).to.be.greaterThan(0);
    });
  }

  it('hears of a database on channels that bear its number', async () => {
    const server = await ownRedis();
    const listener = testRedis(server.url);
    const channels = new Set<string>();
    listener.on('pmessage', (_pattern, channel: string) => channels.add(channel));
    await listener.psubscribe('*');
    const life = await startOne({ redisUrl: `${server.url}/7`, prefix: 'app' });
    await life.send('noop', ['a']);
    await life.end('a');
    await life.broker.ask({ command: 'ping', timeoutMs: 5000 });
    await eventually(() => channels.size >= 5);
    for (const channel of channels) expect(channel).to.match(/^app\.[a-z:\d]+@7(:|$)/);
  });
});

/** How often somebody has connected since. */
async function connections(redis: Redis): Promise<number> {
  const info = await redis.info('stats');
  return Number(/total_connections_received:(\d+)/.exec(info)?.[1]);
}

async function stateOf(answer: Response): Promise<string> {
  const { state } = (await answer.json()) as { state: string };
  return state;
}

async function triedAgain(redis: Redis): Promise<void> {
  const before = await connections(redis);
  await eventually(async () => (await connections(redis)) >= before + 8);
}

describe('a database that Redis refuses', () => {
  it('is not there: API and worker write nowhere else, wait, and say why, once', async () => {
    const server = await ownRedis();
    const redis = testRedis(server.url);
    const config = testConfig({ redisUrl: `${server.url}/99`, host: '127.0.0.1' });
    const { log, lines } = collectLog();
    const api = await startApi(config, log);
    defer(() => api.stop());
    const worker = runKaje(['worker', '--tasks', FIXTURES], {
      KAJE_REDIS_URL: config.redisUrl,
      KAJE_LOG_FORMAT: 'json',
    });
    const reason = 'it refuses database 99: ERR DB index is out of range';
    await eventually(() => worker.output().includes(reason));
    await triedAgain(redis);
    const ready = await fetch(`${api.url}/health/ready`);
    expect(ready.status).to.equal(503);
    expect(await ready.text()).to.include('refuses database 99');
    expect(await redis.dbsize()).to.equal(0);
    const outages = (text: string) => text.match(/Redis is (unreachable|back)/g);
    expect(outages(worker.output())).to.have.length(1);
    expect(outages(JSON.stringify(lines))).to.have.length(1);
    expect(lines.find((line) => 'reason' in line)?.reason).to.equal(reason);
    expect(worker.child.exitCode).to.equal(null);
  });

  it('may be refused at a reconnect: nothing is touched elsewhere, and all goes on when it is back', async () => {
    const server = await ownRedis();
    const redis = testRedis(server.url);
    const config = testConfig({ redisUrl: `${server.url}/3` });
    await publishTasks(config, [noop]);
    const api = await startApi({ ...config, host: '127.0.0.1', port: 0 }, silentLog());
    defer(() => api.stop());
    await startTestWorker(config, [noop]);
    const send = () =>
      fetch(`${api.url}/v1/send_task?wait=10`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'noop' }),
      });
    expect(await stateOf(await send())).to.equal('SUCCESS');
    // Of another Kaje, in database 0: a worker that looks there would take it.
    const marker = `${config.prefix}:default:marker`;
    await redis.zadd(marker, 0, '0');
    await redis.acl('SETUSER', 'default', '-select');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await triedAgain(redis);
    const refused = await send();
    expect(refused.status).to.equal(503);
    expect(await refused.text()).to.include('refuses database 3');
    expect(await redis.keys('*')).to.deep.equal([marker]);
    expect(await redis.zcard(marker)).to.equal(1);
    await redis.acl('SETUSER', 'default', '+select');
    const answer = await eventually(async () => {
      const each = await send();
      return each.status < 300 && stateOf(each);
    });
    expect(answer).to.equal('SUCCESS');
    expect(await redis.keys('*')).to.deep.equal([marker]);
  });

  it('is told to a client, and by the doctor, who fails', async () => {
    const server = await ownRedis();
    const redisUrl = `${server.url}/99`;
    const kaje = new Kaje({ redis: redisUrl });
    defer(() => kaje.close());
    const error = await kaje.queues().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(BrokerUnavailableError);
    expect(String(error)).to.include('refuses database 99');
    const { ended, output } = runKaje([
      'doctor',
      '--redis-url',
      redisUrl,
      '--url',
      'http://127.0.0.1:1',
    ]);
    expect(await ended).to.equal(1);
    expect(output()).to.match(/^FAIL {2}redis +\S+\/99: .*refuses database 99/);
    expect(output()).to.match(/-> give the number of a database that Redis has/);
  });
});
