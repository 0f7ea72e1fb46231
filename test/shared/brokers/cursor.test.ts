import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { cursorText, parseCursor } from '../../../shared/brokers/cursor.ts';
import { InvalidRequestError } from '../../../shared/errors.ts';
import { startTestBroker } from '../../support/broker.ts';

const packed = (value: unknown) => deflateRawSync(JSON.stringify(value)).toString('base64url');
const withPlace = (kind: string, place: unknown) =>
  packed({ now: 1, places: [['default', { [kind]: place }]] });

const WRONG: readonly (readonly [why: string, text: string])[] = [
  ['no packed text', 'nonsense'],
  ['no JSON', deflateRawSync('{').toString('base64url')],
  ['null', packed(null)],
  ['an object of another kind', packed({ a: 1 })],
  ['a time that is none', packed({ now: 'x', places: [] })],
  ['a time too large', packed({ now: 1e300, places: [] })],
  ['places that are no list', packed({ now: 1, places: {} })],
  ['a queue without places', packed({ now: 1, places: [['default']] })],
  ['an unknown kind', withPlace('x', ['1', 'a'])],
  ['a score that is no number', withPlace('sc', ['inf', 'a'])],
  ['a score with a bracket', withPlace('sc', ['(5', 'a'])],
  ['a set with two ids', withPlace('sc', ['5', 'a', 'b'])],
  ['an id that is no text', withPlace('sc', ['5', 5])],
  ['a list without an id', withPlace('lw', [1, 2, 3])],
  ['a list with a negative index', withPlace('lw', [1, -2, 3, 'a'])],
  ['a place of the other kind', withPlace('lw', ['5', 'a'])],
  ['more than anybody unpacks', deflateRawSync(' '.repeat(10_000_000)).toString('base64url')],
];

describe('the cursor of a list', () => {
  it('reads back as it was written', () => {
    const places = new Map([
      ['default', { lw: [17, 0, 4, 'a', 'b'], sc: ['1763831234567.5', 'id'], sf: ['5'], la: [] }],
      ['constructor', {}],
    ]);
    const text = cursorText({ now: 1_763_831_234_567, places });
    expect(text).to.match(/^[\w-]+$/);
    expect(parseCursor(text)).to.deep.equal({ now: 1_763_831_234_567, places });
  });

  for (const [why, text] of WRONG) {
    it(`is refused by name when it is ${why}`, async () => {
      expect(() => parseCursor(text))
        .to.throw(InvalidRequestError)
        .with.deep.property('errors', [
          { path: '/cursor', message: 'expected the next_cursor of the call before' },
        ]);
    });
  }

  it('fits into a URL with fifty busy queues, and says what to do with too many', () => {
    const busy = (count: number) => {
      const at = () => ({
        lw: [Date.now(), 5, 100, crypto.randomUUID()],
        sd: [String(Date.now() * 4096), crypto.randomUUID()],
        sc: [String(Date.now()), crypto.randomUUID()],
        sf: [String(Date.now()), crypto.randomUUID()],
      });
      const places = new Map(Array.from({ length: count }, (_, i) => [`queue-${i}`, at()]));
      return { now: Date.now(), places };
    };
    expect(cursorText(busy(50)).length).to.be.below(12_000);
    expect(() => cursorText(busy(500))).to.throw(InvalidRequestError, /\/queue: .*name one/);
  });

  it('of queues and tasks that are gone leads to the end', async () => {
    const { broker } = await startTestBroker();
    const places = new Map([['gone', { lw: [17, 0, 4, 'a'], sc: ['5', 'b'] }]]);
    const cursor = cursorText({ now: 1, places });
    expect(await broker.list({ limit: 5, cursor })).to.deep.equal({ tasks: [], next_cursor: null });
  });
});
