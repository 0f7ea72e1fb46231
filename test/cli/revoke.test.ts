import { expect } from 'chai';
import { all } from '../client/tasks.ts';
import type { TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone } from '../support/stack.ts';
import { runKaje, startTestWorker } from '../support/worker.ts';

let api: TestApi;

beforeEach(async () => {
  ({ api } = await startApiAlone(all));
});

const kaje = async (...args: string[]) => {
  const { output, ended } = runKaje([...args, '--url', api.url]);
  return { code: await ended, text: output() };
};
const send = (id: string, more: object = {}) =>
  api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: id, ...more });
const stateOf = async (id: string) => (await api.get(`/v1/tasks/${id}`)).body.state;

describe('kaje revoke', () => {
  it('revokes tasks by their ids and says what became of them', async () => {
    for (const id of ['a', 'b', 'c']) await send(id);
    await api.post('/v1/tasks/c/revoke');
    const { code, text } = await kaje('revoke', 'a', 'b', 'c', 'nobody');
    expect(text).to.equal('2 revoked, 1 had ended before, 1 unknown\n');
    expect(code).to.equal(0);
    expect([await stateOf('a'), await stateOf('b')]).to.deep.equal(['REVOKED', 'REVOKED']);
    const again = await kaje('revoke', 'a', 'nobody');
    expect(again).to.deep.equal({ code: 1, text: '0 revoked, 1 had ended before, 1 unknown\n' });
    const inJson = await kaje('revoke', 'nobody', '--json');
    expect(inJson.code).to.equal(1);
    expect(JSON.parse(inJson.text)).to.include({ revoked: 0, unknown: 1 });
  });

  it('revokes by a tag, and by a header as JSON or as text', async () => {
    await send('tagged', { tags: ['nightly'] });
    await send('number', { headers: { tenant: 7 } });
    await send('text', { headers: { tenant: 'acme=7' } });
    await send('object', { headers: { tenant: { id: 7 } } });
    const revoked = await Promise.all([
      kaje('revoke', '--tag', 'nightly'),
      ...['tenant=7', 'tenant=acme=7', 'tenant={"id":7}'].map((header) =>
        kaje('revoke', '--header', header),
      ),
    ]);
    for (const { text } of revoked) expect(text).to.equal('1 revoked\n');
    for (const id of ['tagged', 'number', 'text', 'object']) {
      expect(await stateOf(id)).to.equal('REVOKED');
    }
    expect(await kaje('revoke', '--tag', 'nightly')).to.deep.equal({
      code: 0,
      text: '0 revoked\n',
    });
  });

  it('tells those that run to stop, or ends them', async () => {
    await startTestWorker(api.config, all);
    for (const id of ['a', 'b']) {
      await api.post('/v1/send_task', { name: 'long', kwargs: { ms: 30_000 }, task_id: id });
      await eventually(async () => (await stateOf(id)) === 'PROGRESS');
    }
    const told = '0 revoked, 1 running, told to stop (--terminate ends them)\n';
    expect(await kaje('revoke', 'a')).to.deep.equal({ code: 0, text: told });
    const ended = await kaje('revoke', 'b', '--terminate', '--json');
    expect(JSON.parse(ended.text)).to.deep.equal({ revoked: 1, running: 0, ready: 0, unknown: 0 });
    await eventually(async () => (await stateOf('a')) === 'REVOKED');
  });

  it('refuses to guess which tasks are meant', async () => {
    const [bare, nameless, valueless] = await Promise.all([
      kaje('revoke', '--terminate'),
      kaje('revoke', '--header', '=7'),
      kaje('revoke', '--header', 'tenant'),
    ]);
    expect(bare.text).to.contain('name tasks by their ids, --tag or --header');
    for (const { text } of [nameless, valueless]) {
      expect(text).to.contain('Expected name=value, such as tenant=7.');
    }
    expect([bare.code, nameless.code, valueless.code]).to.deep.equal([2, 2, 2]);
  });
});
