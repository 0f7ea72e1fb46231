import { expect } from 'chai';
import { defineTask } from '../../client/index.ts';
import { SCHEMAS } from '../../shared/schemas.ts';
import { add, echo } from '../fixtures/quick.ts';
import { messageOf, startTestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { commandsDuring } from '../support/monitor.ts';
import { redisProxy } from '../support/proxy.ts';
import { testRedisUrl } from '../support/redis.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

const startAlone = () => startApiAlone([echo]);

describe('POST /v1/results', () => {
  it('answers in the order of the ids, null for those that are unknown', async () => {
    const api = await startApiAndWorker([add]);
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 'done' });
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: 'due', countdown: 60 });
    const ids = ['nobody', 'due', 'done', 'nobody', 'due'];
    const { status, body } = await api.post('/v1/results', { task_ids: ids });
    expect(status).to.equal(200);
    const states = body.results.map((each: { state: string } | null) => each?.state ?? null);
    expect(states).to.deep.equal([null, 'PENDING', 'SUCCESS', null, 'PENDING']);
    for (const each of [body.results[1], body.results[2]]) {
      expect(each).to.have.all.keys([...SCHEMAS.AsyncResult.required]);
    }
    expect(body.results[2]).to.deep.equal((await api.get('/v1/tasks/done')).body);
  });

  it('finds tasks in whatever queue they are, also in one that is new to this process', async () => {
    const { api } = await startAlone();
    const { api: other } = await startApiAlone([echo], api.config);
    for (const queue of ['a', 'b', 'c']) {
      await other.post('/v1/send_task', { name: 'echo', queue, task_id: `in-${queue}` });
      const { body } = await api.post('/v1/results', { task_ids: [`in-${queue}`, 'in-a'] });
      const queues = body.results.map((each: { queue: string }) => each.queue);
      expect(queues).to.deep.equal([queue, 'a']);
    }
  });

  it('takes none', async () => {
    const { api } = await startAlone();
    expect((await api.post('/v1/results', { task_ids: [] })).body).to.deep.equal({ results: [] });
  });

  for (const [title, body, path] of [
    ['1,001 ids', { task_ids: Array(1001).fill('x') }, '/task_ids'],
    ['no ids', {}, '/task_ids'],
    ['an id that is no text', { task_ids: ['a', 1] }, '/task_ids/1'],
    ['a mistyped field', { task_ids: [], ids: [] }, '/ids'],
    ['a list', ['a'], ''],
  ] as const) {
    it(`refuses ${title} with 422`, async () => {
      const { api } = await startAlone();
      const { status, body: problem } = await api.post('/v1/results', body);
      expect(status).to.equal(422);
      expect(problem.errors[0].path).to.equal(path);
    });
  }

  it('asks Redis for 1,000 ids by ten scripts, nothing before and nothing after', async () => {
    const { api } = await startAlone();
    const tasks = Array.from({ length: 1000 }, (_, n) => ({ name: 'echo', task_id: `t${n}` }));
    await api.post('/v1/send_tasks', { tasks });
    const task_ids = tasks.map(({ task_id }) => task_id);
    // The first read of a connection loads the script and the names of the queues.
    await api.post('/v1/results', { task_ids });
    const commands = await commandsDuring(api.config.prefix, async () => {
      const { body } = await api.post('/v1/results', { task_ids });
      const ids = body.results.map((each: { task_id: string }) => each.task_id);
      expect(ids).to.deep.equal(task_ids);
    });
    expect(commands).to.deep.equal(Array(10).fill('evalsha'));
  });

  it('brings large results whole and in order, by several replies of Redis', async () => {
    const letters = defineTask('letters', {
      run: ({ letter }: { letter: string }) => letter.repeat(900_000),
    });
    const { api } = await startApiAlone([letters]);
    const worker = await startTestWorker(api.config, [letters]);
    const names = [...'abcdefghijkl'];
    for (const letter of names) {
      await api.post('/v1/send_task', { name: 'letters', kwargs: { letter }, task_id: letter });
    }
    for (const letter of names) await api.get(`/v1/tasks/${letter}?wait=10`);
    // It has scripts of its own.
    await worker.stop();
    const task_ids = names.flatMap((letter) => [letter, `no-${letter}`]);
    let results: ({ task_id: string; result: string } | null)[] = [];
    const commands = await commandsDuring(api.config.prefix, async () => {
      results = (await api.post('/v1/results', { task_ids })).body.results;
    });
    // 4 MB each at most, but for the last one in it.
    expect(commands.filter((command) => command === 'evalsha')).to.have.length(3);
    const shown = results.map(
      (each) => each && [each.task_id, each.result.length, each.result.slice(-1)],
    );
    expect(shown).to.deep.equal(names.flatMap((letter) => [[letter, 900_000, letter], null]));
  });

  it('brings many large results over a slow line, and keeps no other request waiting for all of them', async () => {
    const proxy = await redisProxy();
    const { api } = await startApiAlone([echo], { redisUrl: proxy.url });
    const text = 'x'.repeat(40_000);
    const task_ids = Array.from({ length: 500 }, (_, i) => `t${i}`);
    const { broker } = await startTestBroker({ ...api.config, redisUrl: testRedisUrl() });
    for (const id of task_ids) await broker.add([messageOf(id, { body: { kwargs: { text } } })]);
    // 20 MB: five answers at once, of 4 MB each, would take two seconds.
    proxy.slow(0, 10_000_000);
    const reading = api.post('/v1/results', { task_ids });
    await eventually(async () => (await api.get('/v1/tasks/t0')).status === 200);
    const { status, body } = await reading;
    expect(status).to.equal(200);
    expect(body.results.map((each: { task_id: string }) => each.task_id)).to.deep.equal(task_ids);
  });

  it('refuses to answer more than 64 MiB, stops reading there, and says how many fit', async () => {
    const large = defineTask('large', { run: () => 'x'.repeat(900_000) });
    const { api } = await startApiAlone([large]);
    const worker = await startTestWorker(api.config, [large]);
    await api.post('/v1/send_task?wait=10', { name: 'large', task_id: 't' });
    // It has commands of its own.
    await worker.stop();
    const read = (count: number) => api.post('/v1/results', { task_ids: Array(count).fill('t') });
    const readCounted = async (count: number) => {
      let answer: Awaited<ReturnType<typeof read>> | undefined;
      const commands = await commandsDuring(api.config.prefix, async () => {
        answer = await read(count);
      });
      // A busy machine may need longer for 4 MB than an answer of Redis may take.
      return answer?.status !== 503 && { commands, answer };
    };
    const { commands, answer } = await eventually(() => readCounted(1000));
    expect(answer?.status).to.equal(422);
    expect(answer?.body.errors).to.deep.equal([
      {
        path: '/task_ids',
        message: 'expected tasks of at most 67108864 bytes in all: ask for 74 or fewer at once',
      },
    ]);
    // One of them each: ten answers are on their way together, and are to be 4 MB in all.
    expect(commands.length).to.be.within(75, 100);
    const { answer: whole } = await eventually(() => readCounted(74));
    expect(whole?.status).to.equal(200);
    expect(whole?.body.results).to.have.length(74);
  });
});
