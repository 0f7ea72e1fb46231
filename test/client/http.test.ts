import { createServer } from 'node:net';
import { expect } from 'chai';
import { BrokerUnavailableError, DefinitionError, Kaje } from '../../client/index.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { startTestWorker } from '../support/worker.ts';
import { errorOf } from './connect.ts';
import type * as tasks from './tasks.ts';
import { all } from './tasks.ts';

describe('the client over HTTP', () => {
  it('goes on waiting while the API is stopped and started again', async () => {
    const api = await startTestApi();
    await startTestWorker(api.config, all);
    const result = await new Kaje<typeof tasks>({ url: api.url }).sendTask('long', { ms: 1500 });
    const waiting = result.get({ timeout: 20 });
    await api.stop();
    await startTestApi({ ...api.config, port: Number(new URL(api.url).port) });
    expect(await waiting).to.equal('done');
  });

  it('goes on telling events where it was when the API is started again', async () => {
    const api = await startTestApi();
    await startTestWorker(api.config, all);
    const result = await new Kaje<typeof tasks>({ url: api.url }).sendTask('long', { ms: 1500 });
    const states: string[] = [];
    for await (const { state } of result.events()) {
      states.push(state);
      if (state !== 'PROGRESS') continue;
      const at = Date.now();
      await api.stop();
      expect(Date.now() - at).to.be.below(3000, 'a stream must not hold up the stop');
      await startTestApi({ ...api.config, port: Number(new URL(api.url).port) });
    }
    expect(states.slice(-2)).to.deep.equal(['PROGRESS', 'SUCCESS']);
    expect(states).to.deep.equal([...new Set(states)]);
  });

  it('ends a loop over events when the API says that all is told', async () => {
    const nothing = 'HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n';
    const kaje = new Kaje({ url: await silentServer(nothing) });
    const told = [];
    for await (const event of kaje.asyncResult('t').events()) told.push(event);
    expect(told).to.deep.equal([]);
  });

  it('takes an URL with slashes at its end, and one with a path', async () => {
    const api = await startTestApi();
    expect(await new Kaje({ url: `${api.url}/` }).registry()).to.deep.equal([]);
    expect(await new Kaje({ url: `${api.url}//` }).registry()).to.deep.equal([]);
    const elsewhere = new Kaje({ url: `${api.url}/behind/a/proxy` });
    expect(await errorOf(elsewhere.registry())).to.include({ code: 'NOT_FOUND' });
  });

  it('refuses at once what is no URL of an API', () => {
    for (const url of ['', 'nonsense', 'localhost:8000', 'ftp://127.0.0.1']) {
      expect(() => new Kaje({ url })).to.throw(DefinitionError, `got "${url}"`);
    }
  });

  it('ends a wait by its timeout when something listens but never answers', async () => {
    const kaje = new Kaje({ url: await silentServer() });
    const error = await errorOf(kaje.asyncResult('x').get({ timeout: 0.2 }));
    expect(error).to.be.instanceOf(BrokerUnavailableError);
  });

  it('says what answered when it is no Kaje at all', async () => {
    const kaje = new Kaje({ url: await silentServer('HTTP/1.1 502 Bad Gateway\r\n\r\n<html>') });
    const error = await errorOf(kaje.queues());
    expect(error).to.include({ code: 'HTTP_502' });
    expect((error as Error).message).to.match(/\/v1\/queues answered 502$/);
  });
});

/** Takes connections, and says nothing or always the same. */
async function silentServer(answer?: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => answer && socket.end(answer));
    defer(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
