import { expect } from 'chai';
import {
  DefinitionError,
  InvalidRequestError,
  Kaje,
  type KajeOptions,
  type TaskFilter,
} from '../../client/index.ts';
import { defer } from '../support/defer.ts';
import { closedPort, errorOf } from './connect.ts';

/** What callers without types may say. */
const mistyped = (options: object): never => options as never;

const resultOf = (kaje: Kaje) => kaje.asyncResult('t');
const next = (stream: AsyncIterator<unknown>) => stream.next();

type Mistake = readonly [call: string, given: string, meant: string, make: (kaje: Kaje) => unknown];

/** Nothing is asked of a Redis or an API: there is none. */
const MISTAKES: readonly Mistake[] = [
  ['tasks()', 'states', 'state', (kaje) => next(kaje.tasks(mistyped({ states: 'FAILURE' })))],
  [
    'setLimits()',
    'rate_limit',
    'rateLimit',
    (kaje) => kaje.setLimits('add', mistyped({ rate_limit: '10/s' })),
  ],
  ['kaje.events()', 'type', 'types', (kaje) => kaje.events(mistyped({ type: 'task-failed' }))],
  ['inspect()', 'worker', 'workers', (kaje) => kaje.inspect('ping', mistyped({ worker: 'w1' }))],
  ['get()', 'timeOut', 'timeout', (kaje) => resultOf(kaje).get(mistyped({ timeOut: 1 }))],
  ['revoke()', 'terminat', 'terminate', (kaje) => resultOf(kaje).revoke(mistyped({ terminat: 1 }))],
  ['events()', 'signl', 'signal', (kaje) => next(resultOf(kaje).events(mistyped({ signl: 1 })))],
  ['logs()', 'afte', 'after', (kaje) => resultOf(kaje).logs(mistyped({ afte: 3 }))],
  [
    'followLogs()',
    'aftr',
    'after',
    (kaje) => next(resultOf(kaje).followLogs(mistyped({ aftr: 3 }))),
  ],
];

const NOT_JSON = Number.NaN;
/** Refused before either transport, and so alike. */
const WRONG_VALUES: readonly [path: string, says: string, make: (kaje: Kaje) => unknown][] = [
  ['/kwargs/n', 'expected JSON, got NaN', (kaje) => kaje.sendTask('t', { n: NOT_JSON })],
  ['/kwargs/m', 'expected JSON, got a Map', (kaje) => kaje.sendTask('t', { m: new Map([[1, 2]]) })],
  ['/kwargs', 'expected JSON, got a Map', (kaje) => kaje.sendTask('t', mistyped(new Map()))],
  [
    '/headers',
    'expected JSON, got a Set',
    (kaje) => kaje.sendTask('t', {}, { headers: mistyped(new Set()) }),
  ],
  [
    '/time_limit',
    'expected JSON, got Infinity',
    (kaje) => kaje.sendTask('t', {}, { timeLimit: Number.POSITIVE_INFINITY }),
  ],
  [
    '/countdown',
    'expected JSON, got NaN',
    (kaje) => kaje.sendTask('t', {}, { countdown: NOT_JSON }),
  ],
  [
    '/tasks/1/args/0',
    'expected JSON, got a function',
    (kaje) => kaje.sendTasks([{ name: 't' }, { name: 't', options: { args: [() => 1] } }]),
  ],
  [
    '/header/value',
    'expected JSON, got NaN',
    (kaje) => kaje.revoke({ header: { name: 'n', value: NOT_JSON } }),
  ],
  ['/time_limit', 'expected JSON, got NaN', (kaje) => kaje.setLimits('t', { timeLimit: NOT_JSON })],
  ['/n', 'expected JSON, got NaN', (kaje) => kaje.control('w', 'pool_grow', { n: NOT_JSON })],
  [
    '/since',
    'expected JSON, got an invalid Date',
    (kaje) => next(kaje.tasks({ since: new Date('x') })),
  ],
  ['/name', 'expected string, got number', (kaje) => next(kaje.tasks(mistyped({ name: 5 })))],
  ['/timeout', 'expected seconds, got NaN', (kaje) => resultOf(kaje).get({ timeout: NOT_JSON })],
  [
    '/after',
    'expected the number of a line, 0 or more, got NaN',
    (kaje) => resultOf(kaje).logs({ after: NOT_JSON }),
  ],
  [
    '/after',
    'expected the number of a line, 0 or more, got -1',
    (kaje) => next(resultOf(kaje).followLogs({ after: -1 })),
  ],
  [
    '/terminate',
    'expected true or false, got 1',
    (kaje) => resultOf(kaje).revoke(mistyped({ terminate: 1 })),
  ],
];

describe('values of the client that no JSON holds', () => {
  for (const over of ['url', 'redis'] as const) {
    for (const [path, message, make] of WRONG_VALUES) {
      it(`are refused by ${over}: ${path} ${message}`, async () => {
        const at = `127.0.0.1:${await closedPort()}`;
        const kaje = new Kaje(
          over === 'url' ? { url: `http://${at}` } : { redis: `redis://${at}` },
        );
        defer(() => kaje.close());
        const error = await errorOf(Promise.resolve().then(() => make(kaje)));
        expect(error).to.be.instanceOf(InvalidRequestError);
        expect(error).to.have.deep.property('errors', [{ path, message }]);
      });
    }
  }
});

describe('options of the client', () => {
  for (const over of ['url', 'redis'] as const) {
    for (const [call, given, meant, make] of MISTAKES) {
      it(`are refused where ${call} has none such, by ${over}: ${given}`, async () => {
        const at = `127.0.0.1:${await closedPort()}`;
        const kaje = new Kaje(
          over === 'url' ? { url: `http://${at}` } : { redis: `redis://${at}` },
        );
        defer(() => kaje.close());
        const error = await errorOf(Promise.resolve().then(() => make(kaje)));
        expect(error).to.be.instanceOf(InvalidRequestError);
        const message = `unknown option of ${call} "${given}" - did you mean "${meant}"?`;
        expect(error).to.have.deep.property('errors', [{ path: `/${given}`, message }]);
      });
    }
  }

  it('of a new client are refused by name as well', () => {
    const prefx = mistyped({ redis: 'redis://127.0.0.1:1', prefx: 'a' });
    const message =
      '/prefx: unknown option of new Kaje({ redis }) "prefx" - did you mean "prefix"?';
    expect(() => new Kaje(prefx)).to.throw(InvalidRequestError, message);
  });

  it('of a client over Redis mean nothing to one over HTTP, which says so', () => {
    const options = mistyped({ url: 'http://127.0.0.1:1', prefix: 'a' });
    const message = '/prefix: unknown option of new Kaje({ url }) "prefix"';
    expect(() => new Kaje(options)).to.throw(InvalidRequestError, message);
  });

  it('hold a percentage of memory, not a part of it', () => {
    for (const memoryLimit of [0.8, 0, 101, Number.NaN, '80%']) {
      const options = mistyped({ redis: 'redis://127.0.0.1:1', memoryLimit });
      expect(() => new Kaje(options)).to.throw(DefinitionError, `1 to 100, got ${memoryLimit}`);
    }
  });

  it('name one way to reach Kaje: an absent one may be undefined, two are refused', () => {
    const one = mistyped({ url: 'http://127.0.0.1:1', redis: undefined });
    expect(() => new Kaje(one)).not.to.throw();
    const both: KajeOptions = mistyped({ url: 'http://127.0.0.1:1', redis: 'redis://127.0.0.1:1' });
    expect(() => new Kaje(both)).to.throw(DefinitionError, 'new Kaje({ url }) or');
  });

  it('of a list are refused where they would mean everything by being empty', async () => {
    const kaje = new Kaje({ url: `http://127.0.0.1:${await closedPort()}` });
    const empty: readonly [TaskFilter, path: string][] = [
      [{ state: [] }, '/state'],
      [{ name: '' }, '/name'],
      [{ queue: '' }, '/queue'],
      [{ tag: '' }, '/tag'],
    ];
    for (const [filter, path] of empty) {
      const error = await errorOf(kaje.tasks(filter).next());
      const message = 'is empty, which no task is; leave it out to list them all';
      expect(error).to.be.instanceOf(InvalidRequestError);
      expect(error).to.have.deep.property('errors', [{ path, message }]);
    }
  });
});
