import { expect } from 'chai';
import { Kaje, TaskNotFoundError } from '../../client/index.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';
import { type Client, errorOf, listenersOf, overBothTransports } from './connect.ts';
import { all } from './tasks.ts';

describe('events()', () => {
  overBothTransports((connect) => {
    it('tells each state in its order and ends after the final one', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 700 }, { countdown: 1 });
      const states: string[] = [];
      for await (const { state } of result.events()) states.push(state);
      expect(states[0]).to.equal('PENDING');
      expect(states.slice(-2)).to.deep.equal(['PROGRESS', 'SUCCESS']);
      expect(states).to.deep.equal([...new Set(states)]);
    });

    it('tells the end of a task that has ended before, at once', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 });
      await result.get({ timeout: 10 });
      const told = [];
      for await (const { state, result: value } of result.events()) told.push([state, value]);
      expect(told).to.deep.equal([['SUCCESS', 3]]);
    });

    it('throws for an id that was never sent', async () => {
      const { kaje } = await connect();
      const first = kaje.asyncResult('never-sent').events().next();
      expect(await errorOf(first)).to.be.instanceOf(TaskNotFoundError);
    });

    it('leaves nothing behind when the loop is left', async () => {
      const setup = await connect();
      const listened = await listenersOf(setup);
      const result = await setup.kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      for await (const { state } of result.events()) {
        expect(state).to.equal('PENDING');
        await eventually(async () => (await listenersOf(setup)) === listened + 1);
        break;
      }
      await eventually(async () => (await listenersOf(setup)) === listened);
    });

    it('ends quietly when its signal is aborted, and leaves nothing behind', async () => {
      const setup = await connect();
      const listened = await listenersOf(setup);
      const result = await setup.kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      const abort = new AbortController();
      const states: string[] = [];
      for await (const { state } of result.events({ signal: abort.signal })) {
        states.push(state);
        setTimeout(() => abort.abort(), 50);
      }
      expect(states).to.deep.equal(['PENDING']);
      await eventually(async () => (await listenersOf(setup)) === listened);
    });
  });
});

describe('events() over Redis', () => {
  it('tell a slow loop how the task stands, not all that it has been meanwhile', async () => {
    const config = testConfig();
    await startTestWorker(config, all);
    const kaje: Client = new Kaje({ redis: config.redisUrl, prefix: config.prefix });
    defer(() => kaje.close());
    const result = await kaje.sendTask('count', { to: 5 });
    const states: string[] = [];
    for await (const { state } of result.events()) {
      states.push(state);
      if (state === 'PROGRESS') await eventually(() => result.ready());
    }
    // Of five steps the one that the loop was busy with, and perhaps what was seen last before the end.
    expect(states.filter((state) => state === 'PROGRESS').length).to.be.within(1, 2);
    expect(states.at(-1)).to.equal('SUCCESS');
  });
});
