import { expect } from 'chai';
import { InvalidRequestError } from '../../../shared/errors.ts';
import type { RevokeTasksRequest } from '../../../shared/schemas.ts';
import { errorOf } from '../../client/connect.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { running, type TestBroker, takeOut, WAITING } from '../../support/places.ts';
import { endStored } from '../../support/stored.ts';

const statesOf = async ({ broker }: TestBroker, ids: readonly string[]) =>
  (await broker.read(ids)).map((record) => record?.result.state);
const idOf = (place: string) => `is-${place.replaceAll(' ', '-')}`;
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `id-${i}`);

describe('tasks revoked by their ids', () => {
  it('are counted by what became of them, each once', async () => {
    const test = await startTestBroker();
    const places = Object.entries(WAITING);
    for (const [place, put] of places) await put(test, idOf(place));
    await running(test, 'runs');
    await test.broker.add([messageOf('over')]);
    await endStored(test, 'over', { at: Date.now() });
    const waiting = places.map(([place]) => idOf(place));
    const ids = [...waiting, 'runs', 'over', 'nobody', 'runs', ...waiting];
    const counts = { revoked: waiting.length, running: 1, ready: 1, unknown: 1 };
    expect(await test.broker.revokeMany({ task_ids: ids })).to.deep.equal(counts);
    expect(new Set(await statesOf(test, waiting))).to.deep.equal(new Set(['REVOKED']));
    expect(await test.broker.revokeMany({ task_ids: ids, terminate: true })).to.deep.equal({
      ...{ revoked: 1, running: 0, ready: waiting.length + 1, unknown: 1 },
    });
    expect(await statesOf(test, ['runs', 'over'])).to.deep.equal(['REVOKED', 'SUCCESS']);
  });

  it('may be ten thousand', async () => {
    const test = await startTestBroker();
    const ids = numbered(10_000);
    await test.broker.add(ids.map((id) => messageOf(id)));
    const counts = await test.broker.revokeMany({ task_ids: ids });
    expect(counts).to.deep.equal({ revoked: 10_000, running: 0, ready: 0, unknown: 0 });
    const states = await statesOf(test, ids.slice(-500));
    expect(new Set(states)).to.deep.equal(new Set(['REVOKED']));
  });
});

describe('tasks revoked by a tag', () => {
  it('are all of them that have not ended, in every place and queue, and no others', async () => {
    const test = await startTestBroker();
    const meant: string[] = [];
    for (const [place, put] of Object.entries(WAITING)) {
      const id = idOf(place);
      meant.push(id);
      await put(test, id, { tags: ['x', 'nightly'] });
      await put(test, `${id}-not`, { tags: ['nightly2'], headers: { nightly: 'nightly' } });
    }
    await running(test, 'runs', { tags: ['nightly'] });
    const elsewhere = { queue: 'other', body: { kwargs: {}, tags: ['nightly'] } };
    await test.broker.add([messageOf('elsewhere', elsewhere), messageOf('over', elsewhere)]);
    await endStored({ ...test, queue: 'other' }, 'over', { at: Date.now() });
    const revoked = meant.length + 1;
    expect(await test.broker.revokeMany({ tag: 'nightly' })).to.deep.equal({
      ...{ revoked, running: 1, ready: 0, unknown: 0 },
    });
    const states = await statesOf(test, [...meant, 'elsewhere']);
    expect(states).to.deep.equal(states.map(() => 'REVOKED'));
    const others = await statesOf(
      test,
      meant.map((id) => `${id}-not`),
    );
    expect(others).not.to.include('REVOKED');
    expect(await statesOf(test, ['runs', 'over'])).to.deep.equal(['STARTED', 'SUCCESS']);
    const again = await test.broker.revokeMany({ tag: 'nightly', terminate: true });
    expect(again).to.include({ revoked: 1, running: 0 });
    expect(await statesOf(test, ['runs'])).to.deep.equal(['REVOKED']);
  });

  it('are found in long queues, of which others take tasks meanwhile', async () => {
    const test = await startTestBroker();
    const ids = numbered(3000);
    const tagged = ids.filter((_, i) => i % 3 === 0);
    const bodyOf = (i: number) => ({ kwargs: {}, ...(i % 3 === 0 ? { tags: ['t'] } : {}) });
    await test.broker.add(ids.map((id, i) => messageOf(id, { body: bodyOf(i) })));
    const revoking = test.broker.revokeMany({ tag: 't' });
    for (const id of ids.slice(0, 100)) await takeOut(test, id);
    const { revoked, running: told } = await revoking;
    expect(revoked + told).to.equal(tagged.length);
    const states = await statesOf(test, tagged);
    expect(states.filter((state) => state === 'REVOKED')).to.have.length(revoked);
  });

  it('may be large, without being read all at once', async () => {
    const test = await startTestBroker();
    const text = 'x'.repeat(400_000);
    const body = { kwargs: { text }, tags: ['large'] };
    await test.broker.add(numbered(12).map((id) => messageOf(id, { body })));
    expect(await test.broker.revokeMany({ tag: 'large' })).to.include({ revoked: 12 });
  });

  it('may be sent by the same name afterwards', async () => {
    const test = await startTestBroker();
    const body = { kwargs: {}, tags: ['t'] };
    await test.broker.add([messageOf('a', { body })]);
    await test.broker.revokeMany({ tag: 't' });
    await test.broker.add([messageOf('b', { body })]);
    expect(await statesOf(test, ['a', 'b'])).to.deep.equal(['REVOKED', 'PENDING']);
  });
});

describe('tasks revoked by a header', () => {
  const equal: readonly [value: unknown, other: unknown][] = [
    ['acme', 'acme2'],
    [7, '7'],
    [0, null],
    [null, 'null'],
    [true, 1],
    [
      { a: 1, b: { c: [1, 2] } },
      { a: 1, b: { c: [2, 1] } },
    ],
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
  ];
  for (const [value, other] of equal) {
    it(`are those with ${JSON.stringify(value)}, not with ${JSON.stringify(other)} or none`, async () => {
      const test = await startTestBroker();
      const send = (id: string, headers: object) =>
        messageOf(id, { body: { kwargs: {}, headers: { ...headers } } });
      const none = [send('none', { y: value }), messageOf('bare')];
      await test.broker.add([send('yes', { x: value }), send('no', { x: other }), ...none]);
      const counts = await test.broker.revokeMany({ header: { name: 'x', value } });
      expect(counts).to.include({ revoked: 1, running: 0 });
      expect(await statesOf(test, ['yes', 'no', 'none', 'bare'])).to.deep.equal([
        ...['REVOKED', 'PENDING', 'PENDING', 'PENDING'],
      ]);
    });
  }

  it('are equal in whatever order the keys of the value stand', async () => {
    const test = await startTestBroker();
    const headers = { x: { a: 1, b: 2 } };
    await test.broker.add([messageOf('a', { body: { kwargs: {}, headers } })]);
    const header = { name: 'x', value: { b: 2, a: 1 } };
    expect(await test.broker.revokeMany({ header })).to.include({ revoked: 1 });
  });

  it('are not found by names that every object has', async () => {
    const test = await startTestBroker();
    await test.broker.add([messageOf('a')]);
    const header = { name: 'constructor', value: {} };
    expect(await test.broker.revokeMany({ header })).to.include({ revoked: 0 });
  });
});

it('a tag, a header and ids together mean whoever any of them means, each counted once', async () => {
  const test = await startTestBroker();
  const tagged = { tags: ['t'], headers: { h: 1 } };
  await test.broker.add([
    messageOf('tag', { body: { kwargs: {}, tags: ['t'] } }),
    messageOf('header', { body: { kwargs: {}, headers: { h: 1 } } }),
    messageOf('both', { body: { kwargs: {}, ...tagged } }),
    messageOf('named'),
    messageOf('none'),
  ]);
  await running(test, 'runs', tagged);
  const header = { name: 'h', value: 1 };
  const selection = { task_ids: ['named', 'both', 'runs'], tag: 't', header };
  const counts = { revoked: 4, running: 1, ready: 0, unknown: 0 };
  expect(await test.broker.revokeMany(selection)).to.deep.equal(counts);
  expect(await statesOf(test, ['none'])).to.deep.equal(['PENDING']);
});

describe('a selection', () => {
  const wrong: readonly [why: string, selection: object, path: string][] = [
    ['that says nothing', {}, ''],
    ['that says nothing but how', { terminate: true }, ''],
    ['of a header without a value', { header: { name: 'x', value: undefined } }, '/header/value'],
    ['of a header without a name', { header: { value: 1 } }, '/header/name'],
    ['of a tag that is none', { tag: 7 }, '/tag'],
    ['of ids that are none', { task_ids: ['a', 7] }, '/task_ids/1'],
    ['with a field that there is not', { tags: ['a'] }, '/tags'],
  ];
  for (const [why, selection, path] of wrong) {
    it(`${why} is refused, and nothing is revoked`, async () => {
      const test = await startTestBroker();
      await test.broker.add([messageOf('a')]);
      const error = await errorOf(test.broker.revokeMany(selection as RevokeTasksRequest));
      expect(error).to.be.instanceOf(InvalidRequestError);
      expect((error as InvalidRequestError).errors.map((each) => each.path)).to.deep.equal([path]);
      expect(await statesOf(test, ['a'])).to.deep.equal(['PENDING']);
    });
  }
});

it('who follows the cluster is told of each task that was ended, once', async () => {
  const test = await startTestBroker();
  const other = await startTestBroker(test.config);
  const events: { type: string; task_id?: string }[] = [];
  defer(await other.broker.listenToEvents((told) => events.push(...told)));
  const [, , put] = Object.values(WAITING);
  await put?.(test, 'late', { expires: Date.now() - 1 });
  await running(test, 'runs', { tags: ['t'] });
  await running(test, 'ends', { tags: ['t'] });
  await test.broker.add(['a', 'b', 'c'].map((id) => messageOf(id)));
  await test.broker.revoke('a', false);
  await test.broker.revoke('runs', false);
  await test.broker.revoke('ends', true);
  await test.broker.revokeMany({ task_ids: ['a', 'b', 'c', 'nobody'], tag: 't' });
  await test.broker.read(['late']);
  await errorOf(test.broker.revoke('a', true));
  const revoked = () => events.filter(({ type }) => type === 'task-revoked');
  await eventually(() => revoked().length >= 5);
  const ids = revoked().map((event) => event.task_id);
  expect(ids.sort()).to.deep.equal(['a', 'b', 'c', 'ends', 'late']);
  const late = revoked().find((event) => event.task_id === 'late');
  expect(late).to.deep.include({ name: 'add', queue: 'default' });
  expect(late).to.have.nested.property('error.type', 'TaskExpired');
});
