import { expect } from 'chai';
import { BrokerUnavailableError, Kaje, KajeError } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, answering, cut, event, json, page, stuck } from './answering.ts';
import { errorOf } from './connect.ts';

const PENDING = { task_id: 't', state: 'PENDING', ready: false };
const SUCCESS = { task_id: 't', state: 'SUCCESS', ready: true, successful: true, result: 3 };

/** What lies between a client and its API when things go wrong. */
const CUTS: readonly [title: string, answer: Answer][] = [
  ['a body that is cut', cut],
  ['a proxy that says 502', page(502)],
  ['a proxy that says 503', page(503)],
  ['a proxy that says 504', page(504)],
];

describe('a line to the API that breaks', () => {
  for (const [title, answer] of CUTS) {
    it(`is an API that is away: ${title}`, async () => {
      const { url } = await answering(answer);
      const error = await errorOf(new Kaje({ url }).queues());
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      expect(error).to.have.property('message').that.contains(url);
    });

    it(`is waited out in the middle of get(): ${title}`, async () => {
      const { url, asked } = await answering(json(PENDING), answer, answer, json(SUCCESS));
      expect(await new Kaje({ url }).asyncResult('t').get({ timeout: 20 })).to.equal(3);
      expect(asked()).to.equal(4);
    });

    it(`is told at the beginning of get(), which does not ask again: ${title}`, async () => {
      const { url, asked } = await answering(answer);
      const error = await errorOf(new Kaje({ url }).asyncResult('t').get({ timeout: 2 }));
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      expect(asked()).to.equal(1);
    });

    it(`is waited out in the middle of events(): ${title}`, async () => {
      const { url } = await answering(event('1', PENDING), answer, event('2', SUCCESS));
      const states: string[] = [];
      for await (const { state } of new Kaje({ url }).asyncResult('t').events()) states.push(state);
      expect(states).to.deep.equal(['PENDING', 'SUCCESS']);
    });
  }

  it('ends with the signal of a wait, also in the middle of a body', async () => {
    const { url, asked } = await answering(stuck);
    const leaving = new AbortController();
    const waiting = errorOf(new Kaje({ url }).asyncResult('t').get({ signal: leaving.signal }));
    await eventually(() => asked() === 1);
    const reason = new Error('the user has left');
    setTimeout(() => leaving.abort(reason), 100);
    expect(await waiting).to.equal(reason);
  });

  it('is no outage when what answers is no Kaje at all', async () => {
    const { url } = await answering(page(200));
    const error = await errorOf(new Kaje({ url }).queues());
    expect(error).to.be.instanceOf(KajeError).with.property('code', 'HTTP_200');
    expect(error)
      .to.have.property('message')
      .that.matches(/\/v1\/queues answered 200, but no JSON/);
  });
});
