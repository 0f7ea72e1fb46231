/** `ctx.send`: tasks that a task sends. */
import { expect } from 'chai';
import { z } from 'zod';
import { InvalidRequestError, QueueFullError, TaskConflictError } from '../../shared/errors.ts';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { createSender } from '../../worker/sender.ts';
import { messageOf } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { ids, type Life, startLife } from '../support/life.ts';
import { silentLog } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

const child = defineTask('child', {
  run: (input: object, { parentId, rootId }) => ({ input, parentId, rootId }),
});
const typed = defineTask('typed', { input: z.object({ to: z.string() }), run: () => 1 });

const parentOf = (run: (ctx: TaskContext) => unknown) =>
  defineTask('parent', { run: (_: object, ctx) => run(ctx) });

/** What a send throws, in the words of its class. */
const refusalOf = (sending: Promise<string>) =>
  sending.catch((error: unknown) => {
    const kinds = [InvalidRequestError, TaskConflictError, QueueFullError];
    const kind = kinds.find((each) => error instanceof each);
    return `${kind?.name}: ${error instanceof Error ? error.message : error}`;
  });

async function endOf(run: (ctx: TaskContext) => unknown, life: Life) {
  await startTestWorker(life.config, [parentOf(run), child, typed]);
  await life.send('parent', ['a']);
  return life.end('a');
}

/** Connections of this process; other tests have theirs in processes of their own. */
const connections = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

describe('a task that sends tasks', () => {
  it('is their parent and the root of all below', async () => {
    const life = await startLife();
    const middle = defineTask('middle', {
      run: (_: object, ctx) => ctx.send('child', { n: 1 }, { priority: 7, tags: ['t'] }),
    });
    const top = parentOf((ctx) => ctx.send('middle'));
    await startTestWorker(life.config, [top, middle, child]);
    await life.send('parent', ['a']);
    const a = await life.end('a');
    const b = await life.end(String(a.result));
    const c = await life.end(String(b.result));
    expect(a).to.deep.include({ parent_id: null, root_id: 'a', children: [b.task_id] });
    expect(b).to.deep.include({ parent_id: 'a', root_id: 'a', children: [c.task_id] });
    expect(c).to.deep.include({ parent_id: b.task_id, root_id: 'a', children: [] });
    expect(c).to.deep.include({ priority: 7, tags: ['t'], kwargs: { n: 1 } });
    expect(c.result).to.deep.equal({ input: { n: 1 }, parentId: b.task_id, rootId: 'a' });
  });

  it('shows its children in the order in which they were sent', async () => {
    const life = await startLife();
    const result = await endOf(async (ctx) => {
      const sent = [];
      for (let n = 0; n < 5; n++) sent.push(await ctx.send('child', { n }));
      return sent;
    }, life);
    expect(result.children).to.deep.equal(result.result).and.to.have.length(5);
  });

  it('shows the last 1,000', async () => {
    const life = await startLife();
    const names = ids(1005, 'c');
    const send = (ctx: TaskContext) =>
      Promise.all(names.map((taskId) => ctx.send('child', {}, { taskId, queue: 'nobody-s' })));
    const { children } = await endOf(send, life);
    expect(children).to.have.length(1000);
    expect(new Set(children).size).to.equal(1000);
    expect(names).to.include.members(children);
  });

  it('shows one once that it sends again in its next run', async () => {
    const life = await startLife();
    const task = defineTask('parent', {
      retry: { max: 1, delay: 0.01 },
      async run(_: object, ctx) {
        await ctx.send('child', {}, { taskId: 'only' });
        if (ctx.retries === 0) throw new Error('again');
      },
    });
    await startTestWorker(life.config, [task, child]);
    await life.send('parent', ['a'], { max_retries: 1 });
    expect(await life.end('a')).to.deep.include({ state: 'SUCCESS', children: ['only'] });
  });

  it('learns by the class of the error why one was refused', async () => {
    const life = await startLife();
    const result = await endOf(async (ctx) => {
      await ctx.send('child', { n: 1 }, { taskId: 'same' });
      return [
        await refusalOf(ctx.send('chld')),
        await refusalOf(ctx.send('typed', { to: 7 })),
        await refusalOf(ctx.send('child', { n: 2 }, { taskId: 'same' })),
        await refusalOf(ctx.send('child', {}, { priority: 10 })),
      ];
    }, life);
    const [unknown, wrong, conflict, option] = result.result as string[];
    expect(unknown).to.match(/^InvalidRequestError: .*"chld".*did you mean "child"/i);
    expect(wrong).to.match(/^InvalidRequestError: \/kwargs\/to: /);
    expect(conflict).to.match(/^TaskConflictError: .*"same"/);
    expect(option).to.match(/^InvalidRequestError: \/priority: /);
    expect(result.children).to.deep.equal(['same']);
  });

  it('learns that a queue is full', async () => {
    const life = await startLife({ queueMaxLength: 2 });
    await life.send('child', ['x', 'y', 'z']);
    await startTestWorker(
      life.config,
      [parentOf((ctx) => refusalOf(ctx.send('child', {}, { queue: 'default' }))), child],
      [{ name: 'parents' }],
    );
    await life.broker.add([
      { id: 'a', name: 'parent', queue: 'parents', sentAt: Date.now(), body: { kwargs: {} } },
    ]);
    expect((await life.end('a')).result).to.match(/^QueueFullError: /);
  });

  it('learns the id of one that is stored, though it could not be noted', async () => {
    const life = await startLife();
    const { redis, keys, config } = life;
    await startTestWorker(config, [child], [{ name: 'others' }]);
    const parent = messageOf('a', { name: 'parent' });
    // No hash: nothing can be noted there.
    await redis.set(keys.job('default', 'a'), 'text');
    const sender = createSender(config, silentLog());
    defer(() => sender.stop());
    const id = await sender.send(parent, 'child', {}, {});
    expect(await life.read(id)).to.include({ state: 'PENDING', parent_id: 'a' });
  });

  it('sends nothing more after its end', async () => {
    const life = await startLife();
    let late: TaskContext | undefined;
    await endOf((ctx) => {
      late = ctx;
    }, life);
    const refused = await late?.send('child').catch((error: Error) => error);
    expect(refused).to.be.instanceOf(Error).with.property('message').that.contains('has ended');
    expect(await life.read('a')).to.deep.include({ children: [] });
  });

  it('sends to the queue of the routes', async () => {
    const life = await startLife({ routes: [{ name: 'chi*', queue: 'slow' }] });
    const { result } = await endOf((ctx) => ctx.send('child'), life);
    expect(await life.read(String(result))).to.include({ queue: 'slow' });
  });
});

describe('a worker whose tasks send none', () => {
  it('opens no connection for that until the first one does', async () => {
    const life = await startLife();
    const quiet = defineTask('quiet', { run: () => 1 });
    await startTestWorker(life.config, [parentOf((ctx) => ctx.send('child')), child, quiet]);
    await life.send('quiet', ['q']);
    await life.end('q');
    const before = connections();
    await life.send('quiet', ['r']);
    await life.end('r');
    expect(connections()).to.equal(before);
    await life.send('parent', ['a']);
    await life.end('a');
    expect(connections()).to.be.greaterThan(before);
  });
});
