import { expect } from 'chai';
import {
  InvalidRequestError,
  KajeError,
  type RevokeSelection,
  TaskFailedError,
  TaskNotFoundError,
  WrongStateError,
} from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, overBothTransports } from './connect.ts';

const CODE = (error: unknown, code: string) =>
  expect(error).to.be.instanceOf(KajeError).with.property('code', code);

describe('the revocation of tasks', () => {
  overBothTransports((connect) => {
    it('ends one that waits, once; get() throws why', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 3600 });
      const waiting = errorOf(result.get({ timeout: 30 }));
      expect(await result.revoke()).to.equal(undefined);
      const error = await waiting;
      expect(error).to.be.instanceOf(TaskFailedError);
      expect(error).to.include({ type: 'TaskRevokedError', taskId: result.id });
      expect(await result.info).to.include({ state: 'REVOKED', ready: true, failed: false });
      expect(await errorOf(result.revoke({ terminate: true }))).to.be.instanceOf(WrongStateError);
      const returned = await result.get({ propagate: false });
      expect(returned).to.be.instanceOf(TaskFailedError);
    });

    it('tells one that runs to stop, or ends it at once', async () => {
      const { kaje } = await connect();
      for (const terminate of [false, true]) {
        const result = await kaje.sendTask('long', { ms: 20_000 });
        await eventually(async () => (await result.state) === 'PROGRESS');
        const states = (async () => {
          const seen: string[] = [];
          for await (const { state } of result.events()) seen.push(state);
          return seen;
        })();
        await result.revoke({ terminate });
        const error = await errorOf(result.get({ timeout: 20 }));
        expect(error).to.have.property('type', 'TaskRevokedError');
        expect((await states).at(-1)).to.equal('REVOKED');
      }
    });

    it('refuses what is unknown', async () => {
      const { kaje } = await connect();
      const nobody = kaje.asyncResult('nobody');
      expect(await errorOf(nobody.revoke())).to.be.instanceOf(TaskNotFoundError);
      expect(await errorOf(nobody.retry())).to.be.instanceOf(TaskNotFoundError);
    });

    it('is undone by retry(), which refuses others', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 3600 });
      await result.revoke();
      expect(await result.retry()).to.equal(undefined);
      expect(await result.get({ timeout: 10 })).to.equal(3);
      expect(await errorOf(result.retry())).to.be.instanceOf(WrongStateError);
    });

    it('of many is by ids, by tag and by header, and counts them', async () => {
      const { kaje } = await connect();
      const later = { countdown: 3600 };
      const input = { a: 1, b: 2 };
      const headers = { tenant: { id: 7, of: ['a'] } };
      const one = await kaje.sendTask('add', input, later);
      const two = await kaje.sendTask('add', input, { ...later, tags: ['nightly'] });
      const three = await kaje.sendTask('add', input, { ...later, headers, queue: 'other' });
      const kept = await kaje.sendTask('add', input, { ...later, tags: ['x'] });
      const none = { revoked: 0, running: 0, ready: 0, unknown: 0 };
      expect(await kaje.revoke({ ids: [one.id, 'nobody'] })).to.deep.equal({
        ...{ ...none, revoked: 1, unknown: 1 },
      });
      expect(await kaje.revoke({ tag: 'nightly' })).to.deep.equal({ ...none, revoked: 1 });
      const header = { name: 'tenant', value: { of: ['a'], id: 7 } };
      expect(await kaje.revoke({ header })).to.deep.equal({ ...none, revoked: 1 });
      for (const result of [one, two, three]) expect(await result.state).to.equal('REVOKED');
      expect(await kept.state).to.equal('PENDING');
      expect(await kaje.revoke({ ids: [] })).to.deep.equal(none);
      expect(await kaje.revoke({ ids: [one.id], terminate: true })).to.include({ ready: 1 });
    });

    it('of nobody in particular is refused', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 3600 });
      const selections: readonly [selection: RevokeSelection, path: string][] = [
        [{}, ''],
        [{ terminate: true }, ''],
        [{ header: { name: 'tenant', value: undefined } }, '/header/value'],
        [{ tag: undefined as never }, ''],
      ];
      for (const [selection, path] of selections) {
        const error = await errorOf(kaje.revoke(selection));
        expect(error).to.be.instanceOf(InvalidRequestError);
        expect((error as InvalidRequestError).errors[0]?.path).to.equal(path);
      }
      expect(await result.state).to.equal('PENDING');
    });
  });
});

describe('the limits of a task', () => {
  overBothTransports((connect) => {
    it('are set, merged and given back', async () => {
      const { kaje } = await connect();
      const set = { rate_limit: '100/m', max_concurrency: 3 };
      expect(await kaje.setLimits('add', { rateLimit: '100/m', maxConcurrency: 3 })).to.deep.equal(
        set,
      );
      expect(await kaje.setLimits('add', { timeLimit: 2, softTimeLimit: 1.5 })).to.deep.equal({
        ...{ ...set, time_limit: 2, soft_time_limit: 1.5 },
      });
      const back = { maxConcurrency: null, timeLimit: null, softTimeLimit: null };
      expect(await kaje.setLimits('add', { ...back, rateLimit: 0 })).to.deep.equal({
        rate_limit: '0',
      });
      expect(await kaje.setLimits('add', { rateLimit: null })).to.deep.equal({});
    });

    it('hold at once', async () => {
      const { kaje } = await connect();
      await kaje.setLimits('long', { timeLimit: 0.3 });
      const result = await kaje.sendTask('long', { ms: 20_000 });
      const error = await errorOf(result.get({ timeout: 20 }));
      expect(error).to.have.property('type', 'TimeLimitExceeded');
    });

    it('are refused where they make no sense', async () => {
      const { kaje } = await connect();
      const wrong: readonly [limits: Parameters<typeof kaje.setLimits>[1], path: string][] = [
        [{ rateLimit: 'often' }, '/rate_limit'],
        [{ maxConcurrency: -1 }, '/max_concurrency'],
        [{ timeLimit: 1, softTimeLimit: 2 }, '/soft_time_limit'],
      ];
      for (const [limits, path] of wrong) {
        const error = await errorOf(kaje.setLimits('add', limits));
        expect(error).to.be.instanceOf(InvalidRequestError);
        expect((error as InvalidRequestError).errors[0]?.path).to.equal(path);
      }
      expect(await kaje.setLimits('add', {})).to.deep.equal({});
      const unknown = await errorOf(kaje.setLimits('ad' as 'add', { timeLimit: 1 }));
      CODE(unknown, 'NOT_FOUND');
    });
  });
});
