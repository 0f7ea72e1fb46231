import { expect } from 'chai';
import {
  BrokerUnavailableError,
  DefinitionError,
  InvalidRequestError,
  Kaje,
  KajeError,
  QueueFullError,
  TaskConflictError,
  TaskNotFoundError,
} from '../../client/index.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { startTestWorker } from '../support/worker.ts';
import { closedPort, errorOf, overBothTransports, type Setup } from './connect.ts';
import { all } from './tasks.ts';

type Mistake = readonly [
  title: string,
  make: (setup: Setup) => Promise<unknown>,
  error: new (...args: never[]) => KajeError,
  message: RegExp,
];

const MISTAKES: readonly Mistake[] = [
  [
    'an unknown task, with the name that was meant',
    ({ kaje }) => kaje.sendTask('ad' as 'add', { a: 1, b: 2 }),
    InvalidRequestError,
    /^\/name: no worker serves a task "ad" - did you mean "add"\?$/,
  ],
  [
    'a wrong input, by its field',
    ({ kaje }) => kaje.sendTask('add', { a: 'x' as never, b: 2 }),
    InvalidRequestError,
    /^\/kwargs\/a: expected number, got string$/,
  ],
  [
    'a missing input',
    ({ kaje }) => kaje.sendTask('add', { a: 1 } as never),
    InvalidRequestError,
    /^\/kwargs\/b: is required$/,
  ],
  [
    'a wrong option',
    ({ kaje }) => kaje.sendTask('add', { a: 1, b: 2 }, { countdown: -1 }),
    InvalidRequestError,
    /^\/countdown: /,
  ],
  [
    'an id that was never sent',
    ({ kaje }) => kaje.asyncResult('never/sent?').info,
    TaskNotFoundError,
    /^No task "never\/sent\?": it was never sent, was forgotten, or has expired$/,
  ],
  ...['', '.', '..', 'half a letter \ud800'].map(
    (id): Mistake => [
      `an id that no URL can hold: ${JSON.stringify(id)}`,
      ({ kaje }) => kaje.asyncResult(id).info,
      TaskNotFoundError,
      /^No task ".*": it was never sent, was forgotten, or has expired$/,
    ],
  ),
  [
    'a queue that no URL can hold',
    ({ kaje }) => kaje.pauseQueue('..'),
    KajeError,
    /^No queue "\.\."$/,
  ],
  [
    'a worker that no URL can hold',
    ({ kaje }) => kaje.control('', 'ping'),
    KajeError,
    /^No worker "" is alive$/,
  ],
  [
    'an id that is taken by another request',
    async ({ kaje }) => {
      await kaje.sendTask('add', { a: 1, b: 2 }, { taskId: 'taken' });
      await kaje.sendTask('add', { a: 9, b: 9 }, { taskId: 'taken' });
    },
    TaskConflictError,
    /^Task "taken" was sent before with another request/,
  ],
];

describe('errors of the client', () => {
  overBothTransports((connect) => {
    for (const [title, make, kind, message] of MISTAKES) {
      it(`are the same class and sentence for ${title}`, async () => {
        const error = await errorOf(make(await connect()));
        expect(error).to.be.instanceOf(kind).and.instanceOf(KajeError);
        expect((error as KajeError).name).to.equal(kind.name);
        expect((error as KajeError).message).to.match(message);
      });
    }
  });

  it('are a class of their own for a full queue over HTTP, which alone limits queues', async () => {
    const { url, config } = await startTestApi({ queueMaxLength: 1 });
    await startTestWorker(config, all, [{ name: 'another' }]);
    const kaje = new Kaje({ url });
    await kaje.sendTask('add', { a: 1, b: 2 });
    const error = await errorOf(kaje.sendTask('add', { a: 1, b: 2 }));
    expect(error).to.be.instanceOf(QueueFullError);
    expect(error).to.include({ name: 'QueueFullError', code: 'QUEUE_FULL' });
  });

  for (const [transport, optionsFor] of [
    ['HTTP', (port: number) => ({ url: `http://127.0.0.1:${port}` })],
    ['Redis', (port: number) => ({ redis: `redis://127.0.0.1:${port}`, prefix: 'nowhere' })],
  ] as const) {
    it(`say over ${transport} that nobody listens, instead of waiting`, async () => {
      const kaje = new Kaje(optionsFor(await closedPort()));
      defer(() => kaje.close());
      const attempts = [
        () => kaje.sendTask('add', {}),
        () => kaje.sendTasks([{ name: 'add', input: {} }]),
        () => kaje.asyncResult('x').info,
        // Longer than the test may last.
        () => kaje.asyncResult('x').get({ timeout: 60 }),
        () => kaje.asyncResult('x').events().next(),
        () => kaje.asyncResult('x').forget(),
        () => kaje.queues(),
      ];
      for (const attempt of attempts) {
        const error = await errorOf(attempt());
        expect(error).to.be.instanceOf(BrokerUnavailableError);
        expect((error as Error).message).to.match(/^Unavailable: .*cannot be reached.*REFUSED/);
      }
    });
  }

  it('name what is missing when neither an URL nor a Redis is given', () => {
    expect(() => new Kaje({} as never)).to.throw(DefinitionError, 'new Kaje({ url })');
  });
});
