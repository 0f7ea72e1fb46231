/** Priority, expiry and limits of a request: of the call, of the task, of both. */
import { expect } from 'chai';
import { type FieldError, InvalidRequestError } from '../../shared/errors.ts';
import type { MessageBody } from '../../shared/message.ts';
import { specOf, type TaskSpec } from '../../shared/registry.ts';
import { accept } from '../../shared/request.ts';
import { pendingResult } from '../../shared/results.ts';
import { MAX_COUNTDOWN } from '../../shared/schemas/tasks.ts';
import { defineTask } from '../../shared/task.ts';

const NOW = Date.parse('2026-11-22T10:00:00.000Z');
const run = () => undefined;
const specs = new Map<string, TaskSpec>(
  [
    defineTask('free', { run }),
    defineTask('timed', { timeLimit: 10, softTimeLimit: 5, priority: 7, expires: 60, run }),
  ].map((task) => [task.name, specOf(task)]),
);
const catalog = {
  known: (name: string) => specs.get(name),
  find: async (name: string) => specs.get(name),
  names: () => specs.keys(),
};
const accepted = (request: unknown, latest = NOW, earliest = latest) =>
  accept(request, { catalog, routes: [] }, { earliest, latest });

async function refused(request: unknown): Promise<readonly FieldError[]> {
  const error = await accepted(request).catch((reason: unknown) => reason);
  expect(error).to.be.instanceOf(InvalidRequestError);
  return (error as InvalidRequestError).errors;
}

const iso = (ms: number) => new Date(ms).toISOString();
const TEN_YEARS_MS = MAX_COUNTDOWN * 1000;

const timed: readonly [why: string, request: object, body: MessageBody][] = [
  ['the least priority', { name: 'free', priority: 0 }, { kwargs: {}, priority: 0 }],
  ['the highest priority', { name: 'free', priority: 9 }, { kwargs: {}, priority: 9 }],
  ['the usual priority as none', { name: 'free', priority: 5 }, { kwargs: {} }],
  [
    'priority and expiry of the task, but not its limits, which may change',
    { name: 'timed' },
    { kwargs: {}, priority: 7, expires: NOW + 60_000 },
  ],
  [
    'its own priority and expiry over those of the task',
    { name: 'timed', priority: 5, expires: 1.5 },
    { kwargs: {}, expires: NOW + 1500 },
  ],
  ['an expiry in no time', { name: 'free', expires: 0 }, { kwargs: {}, expires: NOW }],
  [
    'an expiry as a time, also before an eta',
    { name: 'free', expires: '2026-11-22T12:00:00+01:00', countdown: 7200 },
    { kwargs: {}, expires: NOW + 3_600_000, eta: NOW + 7_200_000 },
  ],
  [
    'an expiry that is over',
    { name: 'free', expires: iso(NOW - 5000) },
    { kwargs: {}, expires: NOW - 5000 },
  ],
  [
    'an expiry in ten years',
    { name: 'free', expires: MAX_COUNTDOWN },
    { kwargs: {}, expires: NOW + TEN_YEARS_MS },
  ],
  [
    'limits of the call',
    { name: 'free', time_limit: 0.5, soft_time_limit: 0.25 },
    { kwargs: {}, time_limit: 0.5, soft_time_limit: 0.25 },
  ],
  ['a hard limit alone', { name: 'free', time_limit: 1 }, { kwargs: {}, time_limit: 1 }],
  ['a soft limit alone', { name: 'free', soft_time_limit: 1 }, { kwargs: {}, soft_time_limit: 1 }],
  [
    'a soft limit below the hard one of the task',
    { name: 'timed', soft_time_limit: 9.5, priority: 5, expires: 1 },
    { kwargs: {}, soft_time_limit: 9.5, expires: NOW + 1000 },
  ],
  [
    'a hard limit above the soft one of the task',
    { name: 'timed', time_limit: 5.5, priority: 5, expires: 1 },
    { kwargs: {}, time_limit: 5.5, expires: NOW + 1000 },
  ],
];

const wrongTimes: readonly [why: string, request: object, path: string, says: string][] = [
  ['a priority below 0', { name: 'free', priority: -1 }, '/priority', '>= 0'],
  ['a priority above 9', { name: 'free', priority: 10 }, '/priority', '<= 9'],
  ['half a priority', { name: 'free', priority: 4.5 }, '/priority', 'integer'],
  ['a priority in words', { name: 'free', priority: 'high' }, '/priority', 'expected integer'],
  ['a negative expiry', { name: 'free', expires: -1 }, '/expires', '>= 0'],
  ['an expiry in words', { name: 'free', expires: 'soon' }, '/expires', 'date-time'],
  ['seconds of expiry in words', { name: 'free', expires: '60' }, '/expires', 'date-time'],
  ['an expiry of null', { name: 'free', expires: null }, '/expires', 'expected number,string'],
  [
    'a leap second as expiry',
    { name: 'free', expires: '2026-12-31T23:59:60Z' },
    '/expires',
    'expected a time that exists',
  ],
  [
    'an expiry in eleven years',
    { name: 'free', expires: '2037-11-22T10:00:00Z' },
    '/expires',
    'ten years',
  ],
  ['an expiry in a million years', { name: 'free', expires: 3e13 }, '/expires', 'ten years'],
  ['a limit of nothing', { name: 'free', time_limit: 0 }, '/time_limit', '> 0'],
  ['a soft limit of nothing', { name: 'free', soft_time_limit: 0 }, '/soft_time_limit', '> 0'],
  [
    'a soft limit above the hard one',
    { name: 'free', time_limit: 1, soft_time_limit: 2 },
    '/soft_time_limit',
    'below the hard one, got 2 s and 1 s',
  ],
  [
    'a soft limit as long as the hard one',
    { name: 'free', time_limit: 1, soft_time_limit: 1 },
    '/soft_time_limit',
    'below the hard one',
  ],
  [
    'a soft limit above the hard one of the task',
    { name: 'timed', soft_time_limit: 10 },
    '/soft_time_limit',
    'got 10 s and 10 s',
  ],
  [
    'a hard limit below the soft one of the task',
    { name: 'timed', time_limit: 5 },
    '/time_limit',
    'got 5 s and 5 s',
  ],
];

describe('priority, expiry and limits of a request', () => {
  for (const [why, request, body] of timed) {
    it(`store ${why}`, async () => {
      expect((await accepted(request)).body).to.deep.equal(body);
    });
  }

  for (const [why, request, path, says] of wrongTimes) {
    it(`are refused for ${why}`, async () => {
      const errors = await refused(request);
      expect(errors.map((error) => error.path)).to.deep.equal([path]);
      expect(errors[0]?.message).to.contain(says);
    });
  }

  it('count spans from the latest time that it may be: nothing starts or ends early', async () => {
    for (const span of [{ countdown: 2 }, { expires: 5 }]) {
      const { sentAt, body } = await accepted({ name: 'free', ...span }, NOW + 30, NOW);
      expect(sentAt).to.equal(NOW + 30);
      expect(body.eta ?? body.expires).to.equal(NOW + 30 + (body.eta ? 2000 : 5000));
    }
  });

  it('say that what may start at once was sent at the earliest time that it may be', async () => {
    const { sentAt } = await accepted({ name: 'free' }, NOW + 30, NOW);
    expect(sentAt).to.equal(NOW);
  });

  it('have the same bounds in the options of a task', () => {
    expect(() => defineTask('a', { expires: MAX_COUNTDOWN, run })).not.to.throw();
    expect(() => defineTask('a', { expires: 3e13, run })).to.throw(/`expires`.*at most ten years/);
  });

  it('are all told at once', async () => {
    const request = { name: 'free', priority: 10, expires: -1, time_limit: 0 };
    const paths = (await refused(request)).map(({ path }) => path);
    expect(paths.sort()).to.deep.equal(['/expires', '/priority', '/time_limit']);
  });

  it('are read as they were sent', async () => {
    const request = { name: 'free', priority: 0, expires: 60 };
    expect(pendingResult(await accepted(request))).to.include({
      priority: 0,
      expires: iso(NOW + 60_000),
    });
    expect(pendingResult(await accepted({ name: 'free' }))).to.include({
      priority: 5,
      expires: null,
    });
  });

  it('belong to what a repeat must say again; seconds are the same seconds later', async () => {
    const print = async (more: object, nowMs = NOW) =>
      (await accepted({ name: 'free', task_id: 'a', ...more }, nowMs)).body.fingerprint;
    const options = { priority: 9, expires: 60, time_limit: 2, soft_time_limit: 1 };
    const first = await print(options);
    expect(await print({ ...options }, NOW + 30_000)).to.equal(first);
    for (const other of [
      { priority: 8 },
      { expires: 61 },
      { expires: iso(NOW + 60_000) },
      { time_limit: 3 },
      { soft_time_limit: 0.5 },
    ]) {
      expect(await print({ ...options, ...other })).not.to.equal(first);
    }
  });
});
