import { expect } from 'chai';
import { QueueFullError } from '../../../shared/errors.ts';
import { defineTask } from '../../../shared/task.ts';
import {
  RetryRequest,
  SoftTimeLimitExceeded,
  TaskRevokedError,
} from '../../../shared/taskErrors.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf, KINDS, runIn, sharedPool } from '../../support/pool.ts';
import { DATA, recorder } from '../../support/recorder.ts';
import { testRun } from '../../support/run.ts';

for (const kind of KINDS) {
  describe(`the context of a task, kind ${kind}`, () => {
    const pool = sharedPool(kind);

    it('is told all that is data, dates as dates', async () => {
      const { input, data, times, aborted } = await runIn(pool(), 'look', { a: 1 });
      expect(input).to.deep.equal({ a: 1 });
      expect(data).to.deep.equal(JSON.parse(JSON.stringify(DATA)));
      expect(times).to.deep.equal([true, true]);
      expect(aborted).to.equal(false);
    });

    it('tells the parent its lines, reports and children, in order', async () => {
      const { ctx, told } = recorder();
      expect(await runIn(pool(), 'talk', {}, { ctx })).to.equal('child-1');
      const [hello = [], ...rest] = told;
      const { err, ...fields } = hello[2] as { err: Error };
      expect(hello.slice(0, 2)).to.deep.equal(['info', 'hello']);
      expect(fields).to.deep.equal({
        at: '1970-01-01T00:00:00.000Z',
        big: '[object Object]',
        f: undefined,
      });
      expect(err).to.be.instanceOf(Error).and.include({ name: 'HttpError', message: 'away' });
      expect(rest).to.deep.equal([
        ['debug', 'alone', {}],
        ['progress', { at: '1970-01-01T00:00:00.000Z', price: '5 ct' }],
        ['updateState', 'UPLOADING', undefined],
        [
          'send',
          'other',
          { at: '1970-01-01T00:00:00.000Z' },
          { eta: '1970-01-01T00:00:00.007Z', tags: ['x'] },
        ],
      ]);
    });

    it("brings the errors of the worker's own context to the task", async () => {
      const { ctx } = testRun(defineTask('work', { run: () => 1 })).run;
      const refused = async (what: string) => runIn(pool(), 'misuse', { what }, { ctx });
      expect(await refused('state')).to.deep.equal({
        name: 'TypeError',
        message:
          'Expected a state of your own in upper case, such as UPLOADING, and none that Kaje has, got "no state"',
        kinds: ['TypeError'],
      });
      expect(await refused('size')).to.deep.equal({
        name: 'RangeError',
        message: 'Expected progress of at most 65536 bytes of JSON, got 100002',
        kinds: ['RangeError'],
      });
      expect((await refused('circle')).message).to.match(/^Converting circular structure to JSON/);
    });

    it('brings the error of a send, with its class and code', async () => {
      const send = () => Promise.reject(new QueueFullError('mail', 7));
      const { ctx } = recorder({ send });
      expect(await runIn(pool(), 'misuse', { what: 'send' }, { ctx })).to.deep.equal({
        name: 'QueueFullError',
        message: 'Queue "mail" holds its maximum of 7 tasks; send again later',
        code: 'QUEUE_FULL',
        kinds: ['QueueFullError'],
      });
      const { message } = await runIn(pool(), 'misuse', { what: 'copy' });
      expect(message).to.equal('/headers/f: expected JSON, got a function');
    });

    for (const reason of [
      new SoftTimeLimitExceeded(3),
      new TaskRevokedError('no longer'),
      new Error('The worker is shutting down'),
    ]) {
      it(`has a signal that says why it was aborted: ${reason.name}`, async () => {
        const { ctx, told, abort } = recorder();
        const running = runIn(pool(), 'listen', {}, { ctx });
        await eventually(() => told.length > 0);
        abort(reason);
        const { name, message } = reason;
        const expected = { name, message, kind: reason.constructor.name };
        expect(await running).to.deep.equal(expected);
        expect(await runIn(pool(), 'listen', {}, { ctx })).to.deep.equal(expected);
      });
    }

    it('lets a task ask for another run', async () => {
      const error = await failureOf(runIn(pool(), 'again'));
      expect(error).to.be.instanceOf(RetryRequest);
      expect(error.message).to.equal('not yet');
      expect(error.options.countdown).to.equal(3);
      expect(error.options.error).to.include({ name: 'NotFound', message: 'not yet', status: 503 });
    });

    it('spares its parent most of what a task tells too fast', async () => {
      const { ctx, told } = recorder();
      await runIn(pool(), 'chatter', { reports: 20_000, lines: 20_000 }, { ctx });
      const lines = told.filter(([method]) => method === 'info');
      const reports = told.filter(([method]) => method === 'progress');
      expect(lines[0]?.[2]).to.deep.equal({ done: 1 });
      expect(lines.length).to.be.within(5000, 15_000);
      expect(lines.filter(([, message]) => message !== 'line')).to.deep.equal([]);
      expect(told.at(-1)?.[1]).to.match(/^\d+ log lines were left out: at most 5000 a second/);
      expect(reports[0]?.[1]).to.deep.equal({ done: 1 });
      expect(reports.length).to.be.within(1, 100);
    });

    it('tells the last of many reports', async () => {
      const { ctx, told } = recorder();
      await runIn(pool(), 'report', { reports: 1000 }, { ctx });
      expect(told.at(-1)).to.deep.equal(['progress', 1000]);
      expect(told.length).to.be.within(2, 50);
    });

    it('logs a rejection that nobody handles, and lets the task go on', async () => {
      const { ctx, told } = recorder();
      expect(await runIn(pool(), 'careless', {}, { ctx })).to.equal('done');
      expect(told[0]?.slice(0, 2)).to.deep.equal(['error', 'a rejection was not handled']);
      expect(told[0]?.[2]).to.have.nested.property('err.message', 'nobody waits');
    });

    it('is still that of its own run when the task speaks after its end', async () => {
      const late = recorder();
      await runIn(pool(), 'linger', { ms: 50 }, { ctx: late.ctx });
      await eventually(() => late.told.some(([method]) => method === 'send'));
      expect(late.told.map(([method]) => method)).to.deep.equal(['info', 'send']);
      const lost = recorder();
      await runIn(pool(), 'linger', { ms: 50 }, { ctx: lost.ctx });
      const next = recorder();
      await runIn(pool(), 'who', { ms: 150 }, { ctx: next.ctx });
      expect([...next.told, ...lost.told]).to.deep.equal([]);
    });
  });
}
