import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  BrokerUnavailableError,
  CommandRefusedError,
  DefinitionError,
  Kaje,
  WorkerSilentError,
} from '../../client/index.ts';
import { startTestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startTestWorker } from '../support/worker.ts';
import { type Answer, answering, page, stuck } from './answering.ts';
import { errorOf, listenersOf } from './connect.ts';
import type * as tasks from './tasks.ts';
import { all } from './tasks.ts';

describe('the client over HTTP', () => {
  it('goes on waiting while the API is stopped and started again', async () => {
    const api = await startTestApi();
    await startTestWorker(api.config, all);
    const result = await new Kaje<typeof tasks>({ url: api.url }).sendTask('long', { ms: 1500 });
    const waiting = result.get({ timeout: 20 });
    await eventually(async () => (await listenersOf(api)) === 1);
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

  for (const [status, code, kind] of [
    [504, 'WORKER_SILENT', WorkerSilentError],
    [504, 'HTTP_504', BrokerUnavailableError],
    [503, 'BROKER_UNAVAILABLE', BrokerUnavailableError],
    [409, 'COMMAND_REFUSED', CommandRefusedError],
  ] as const) {
    it(`throws what it is over Redis: ${status} ${code}`, async () => {
      const { url } = await answering((response) => {
        const type = `urn:kaje:problem:${code.toLowerCase()}`;
        const problem = code.startsWith('HTTP') ? {} : { type, status, detail: 'said by the API' };
        response.writeHead(status, { 'content-type': 'application/problem+json' });
        response.end(JSON.stringify(problem));
      });
      const error = await errorOf(new Kaje({ url }).control('w', 'ping'));
      expect(error).to.be.instanceOf(kind);
      const isAway = kind === BrokerUnavailableError;
      expect(error).to.include({ code: isAway ? 'BROKER_UNAVAILABLE' : code });
    });
  }

  it('ends a loop over events when the API says that all is told', async () => {
    const { url } = await answering((response) => response.writeHead(204).end());
    const kaje = new Kaje({ url });
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

  it('ends a wait by its timeout when something listens but says nothing, or not all', async () => {
    const silences: readonly Answer[] = [() => undefined, stuck];
    const waits = silences.map(async (silence) => {
      const { url } = await answering(silence);
      return errorOf(new Kaje({ url }).asyncResult('x').get({ timeout: 0.2 }));
    });
    for (const error of await Promise.all(waits)) {
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      const message = /has not answered within 5.2 s; it may still do what was asked$/;
      expect(error).to.have.property('message').that.matches(message);
    }
  });

  it('takes its time over an answer that comes slowly, but comes', async () => {
    // Longer than a silence may be, in parts.
    const { url } = await answering(
      slowly('{"task_id":"x","state":"PENDING","ready":false}', 6000),
    );
    expect(await new Kaje({ url }).asyncResult('x').state).to.equal('PENDING');
  });

  it('says what answered when it is no Kaje at all', async () => {
    const kaje = new Kaje({ url: (await answering(page(418))).url });
    const error = await errorOf(kaje.queues());
    expect(error).to.include({ code: 'HTTP_418' });
    expect((error as Error).message).to.match(/\/v1\/queues answered 418: /);
  });
});

/** Says a few characters every now and then, until all is said after `ms` milliseconds. */
const slowly =
  (text: string, ms: number): Answer =>
  async (response) => {
    const parts = text.match(/.{1,6}/g) ?? [];
    for (const part of parts) {
      response.write(part);
      await sleep(ms / parts.length);
    }
    response.end();
  };
