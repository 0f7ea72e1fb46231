import { expect } from 'chai';
import {
  InvalidRequestError,
  type TaskFilter,
  type TaskLogLine,
  TaskNotFoundError,
} from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { type Client, errorOf, overBothTransports } from './connect.ts';

async function idsOf(kaje: Client, filter?: TaskFilter): Promise<string[]> {
  const ids: string[] = [];
  for await (const { task_id: id } of kaje.tasks(filter)) ids.push(id);
  return ids;
}

describe('tasks()', () => {
  overBothTransports((connect) => {
    it('yields the tasks of all pages, newest first', async () => {
      const { kaje } = await connect();
      const sent: string[] = [];
      for (let n = 0; n < 7; n++) {
        sent.unshift((await kaje.sendTask('add', { a: n, b: 0 }, { countdown: 60 })).id);
      }
      expect(await idsOf(kaje, { pageSize: 2 })).to.deep.equal(sent);
      for await (const { kwargs } of kaje.tasks()) {
        expect(kwargs).to.deep.equal({ a: 6, b: 0 });
        break;
      }
    });

    it('takes each filter', async () => {
      const { kaje } = await connect();
      const done = await kaje.sendTask('add', { a: 1, b: 2 }, { tags: ['x&y'] });
      const failed = await kaje.sendTask('refuse', {}, { queue: 'other' });
      await Promise.all([done, failed].map((each) => each.get({ timeout: 10, propagate: false })));
      expect(await idsOf(kaje, { state: 'SUCCESS' })).to.deep.equal([done.id]);
      expect(await idsOf(kaje, { state: ['FAILURE', 'RETRY'] })).to.deep.equal([failed.id]);
      expect(await idsOf(kaje, { name: 'refuse' })).to.deep.equal([failed.id]);
      expect(await idsOf(kaje, { queue: 'other' })).to.deep.equal([failed.id]);
      expect(await idsOf(kaje, { tag: 'x&y' })).to.deep.equal([done.id]);
      expect(await idsOf(kaje, { until: new Date(0) })).to.deep.equal([]);
      expect((await idsOf(kaje, { since: new Date(Date.now() - 60_000) })).length).to.equal(2);
    });

    it('refuses a filter that makes no sense', async () => {
      const { kaje } = await connect();
      const error = await errorOf(idsOf(kaje, { state: 'done', pageSize: 50 }));
      expect(error)
        .to.be.instanceOf(InvalidRequestError)
        .with.nested.property('errors[0].path', '/state');
      expect(await errorOf(idsOf(kaje, { pageSize: 201 }))).to.be.instanceOf(InvalidRequestError);
    });
  });
});

describe('the log and the attempts of a result', () => {
  overBothTransports((connect) => {
    it('are read as far as they are there', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('chatter', { lines: 3 }, { maxRetries: 1 });
      await result.get({ timeout: 10, propagate: false });
      const told = (lines: readonly TaskLogLine[]) =>
        lines.map(({ number, message, attempt }) => `${number} ${message} ${attempt}`);
      expect(told(await result.logs())).to.deep.equal([
        ...['1 line 1 1', '2 line 2 1', '3 line 3 1', '4 line 1 2', '5 line 2 2', '6 line 3 2'],
      ]);
      expect(told(await result.logs({ after: 5 }))).to.deep.equal(['6 line 3 2']);
      const attempts = await result.attempts();
      expect(attempts.map(({ attempt, error }) => `${attempt} ${error.message}`)).to.deep.equal([
        ...['1 enough said', '2 enough said'],
      ]);
      const nobody = kaje.asyncResult('nobody');
      expect(await errorOf(nobody.logs())).to.be.instanceOf(TaskNotFoundError);
      expect(await errorOf(nobody.attempts())).to.be.instanceOf(TaskNotFoundError);
    });

    it('are followed line by line until the task has ended', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('chatter', { lines: 4 }, { countdown: 0.3 });
      const lines: string[] = [];
      for await (const { message } of result.followLogs({ after: 1 })) lines.push(message);
      expect(lines).to.deep.equal(['line 2', 'line 3', 'line 4']);
      expect(await result.ready()).to.equal(true);
    });

    it('are no states: events() tells none of the lines', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('chatter', { lines: 4 });
      const states: string[] = [];
      for await (const { state } of result.events()) states.push(state);
      expect(states.at(-1)).to.equal('FAILURE');
      expect(states).not.to.include(undefined);
    });

    it('are left when the signal says so', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('chatter', { lines: 1 }, { countdown: 60 });
      const leaving = new AbortController();
      const left = (async () => {
        for await (const line of result.followLogs({ signal: leaving.signal })) return line;
        return 'left';
      })();
      await eventually(async () => (await result.state) === 'PENDING');
      leaving.abort();
      expect(await left).to.equal('left');
    });
  });
});
