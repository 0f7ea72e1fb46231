/** The stream of events over real processes: nothing is lost in peace, and the dead are noticed. */
import { expect } from 'chai';
import { type ClusterEvent, Kaje } from '../../client/index.ts';
import type { Config } from '../../shared/config.ts';
import { createKeys } from '../../shared/keys.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { commandsDuring } from '../support/monitor.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const followersOf = async ({ prefix }: Config) =>
  Number((await testRedis().pubsub('NUMSUB', createKeys(prefix).events))[1]);

/** Follows everything until the test ends. */
async function follow(kaje: Kaje, config: Config) {
  const seen: ClusterEvent[] = [];
  const abort = new AbortController();
  defer(() => kaje.close());
  defer(() => abort.abort());
  const before = await followersOf(config);
  const loop = async () => {
    for await (const event of kaje.events({ signal: abort.signal })) seen.push(event);
  };
  loop().catch(() => undefined);
  await eventually(async () => (await followersOf(config)) > before);
  return seen;
}

const ofWorker = (seen: readonly ClusterEvent[], worker: string) =>
  seen.flatMap((event) =>
    event.type.startsWith('worker-') && 'worker' in event && event.worker === worker
      ? event.type
      : [],
  );

describe('the events of a cluster', () => {
  it('tell every follower of workers that come, go, and die without a word, once each', async () => {
    const api = await startTestApi();
    const { config } = api;
    const quiet = ['--log-level', 'warn'];
    const here = await runWorkerProcess(config, ['--name', 'here', ...quiet]);
    const straight = { redis: config.redisUrl, prefix: config.prefix };
    const both = [
      await follow(new Kaje({ url: api.url }), config),
      await follow(new Kaje(straight), config),
    ];
    const doomed = await runWorkerProcess(config, ['--name', 'doomed', ...quiet]);
    const polite = await runWorkerProcess(config, ['--name', 'polite', ...quiet]);
    doomed.child.kill('SIGKILL');
    polite.child.kill('SIGTERM');
    const comesAndGoes = ['worker-online', 'worker-offline'];
    const told = (worker: string) =>
      eventually(() => {
        for (const seen of both) expect(ofWorker(seen, worker)).to.deep.equal(comesAndGoes);
        return true;
      }, 15_000);
    await told('polite');
    await told('doomed');
    // Beats of all who are gone have ended by now, and nobody has said anything twice.
    here.child.kill('SIGTERM');
    await eventually(() => both.every((seen) => ofWorker(seen, 'here').length > 0));
    for (const seen of both) {
      expect(ofWorker(seen, 'here')).to.deep.equal(['worker-offline']);
      for (const id of ['polite', 'doomed']) {
        expect(ofWorker(seen, id)).to.deep.equal(comesAndGoes);
      }
    }
  });

  it('tell the whole story of each of 1,000 tasks, many by one message', async () => {
    const api = await startTestApi();
    const { config } = api;
    await runWorkerProcess(config, ['--log-level', 'warn', '--concurrency', '50']);
    const kaje = new Kaje({ url: api.url });
    const seen = await follow(kaje, config);
    const send = (count: number) => ({
      tasks: Array.from({ length: count }, (_, i) => ({ name: 'flaky', args: [i % 2] })),
    });
    // The worker learns by a note, at the latest by its next look.
    await eventually(async () => {
      await api.post('/v1/send_tasks', send(1));
      return seen.some(({ type }) => type === 'task-succeeded');
    });
    const messages = await messagesOn(createKeys(config.prefix).events);
    const { body } = await api.post('/v1/send_tasks', send(1000));
    const ids = body.tasks.map(({ task_id }: { task_id: string }) => task_id);
    await eventually(() => {
      for (const [i, story] of storiesOf(seen, ids).entries()) {
        const run = ['task-received', 'task-started'];
        const expected = ['task-sent', ...run, ...(i % 2 ? ['task-retried', ...run] : [])];
        expect(story, `task ${i}`).to.have.members([...expected, 'task-succeeded']);
      }
      return true;
    }, 30_000);
    expect(messages.count).to.be.within(1, seen.length / 2);
  });

  it('cost Redis nothing while nobody follows, but for looks', async () => {
    const api = await startTestApi();
    await runWorkerProcess(api.config, ['--log-level', 'warn']);
    const { events } = createKeys(api.config.prefix);
    const tasks = Array.from({ length: 200 }, () => ({ name: 'add', args: [1, 2] }));
    const commands = await commandsDuring(events, async () => {
      await api.post('/v1/send_tasks', { tasks });
      await eventually(async () => {
        const { body } = await api.get('/v1/queues/default');
        return body.succeeded === 200;
      });
    });
    // MULTI and EXEC are those of the sends: whoever sends looks on the same connection.
    expect(commands.filter((name) => !/^(exists|multi|exec)$/.test(name))).to.deep.equal([]);
    expect(commands.length).to.be.below(20);
  });
});

/** The types of what was told of each task. */
function storiesOf(seen: readonly ClusterEvent[], ids: readonly string[]): string[][] {
  const stories = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const event of seen) if ('task_id' in event) stories.get(event.task_id)?.push(event.type);
  return [...stories.values()];
}

/** Counts the messages of a channel. */
async function messagesOn(channel: string): Promise<{ readonly count: number }> {
  const messages = { count: 0 };
  const subscriber = testRedis();
  subscriber.on('message', () => messages.count++);
  await subscriber.subscribe(channel);
  return messages;
}
