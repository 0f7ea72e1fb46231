import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { type FieldError, InvalidRequestError } from '../../shared/errors.ts';
import type { MessageBody } from '../../shared/message.ts';
import { specOf, type TaskSpec } from '../../shared/registry.ts';
import { accept } from '../../shared/request.ts';
import { MAX_COUNTDOWN } from '../../shared/schemas/tasks.ts';
import { defineTask } from '../../shared/task.ts';

const NOW = Date.parse('2026-11-22T10:00:00.000Z');
const input = z.object({ to: z.string(), times: z.number().default(1) });
const retry = { max: 3 };
const run = () => undefined;
const specs = new Map<string, TaskSpec>(
  [
    defineTask('mail', { input, run }),
    defineTask('free', { run }),
    defineTask('eager', {
      queue: 'slow',
      retry,
      resultExpires: 60,
      ignoreResult: true,
      run,
    }),
  ].map((task) => [task.name, specOf(task)]),
);
const catalog = {
  known: (name: string) => specs.get(name),
  find: async (name: string) => specs.get(name),
  names: () => specs.keys(),
};
const sender = { catalog, routes: [] };
const accepted = (request: unknown) => accept(request, sender, { earliest: NOW, latest: NOW });

async function refused(request: unknown): Promise<readonly FieldError[]> {
  const error = await accepted(request).catch((reason: unknown) => reason);
  expect(error).to.be.instanceOf(InvalidRequestError);
  return (error as InvalidRequestError).errors;
}

describe('a request to send a task', () => {
  it('gets an id of ours where it names none: a UUID that sorts by time', async () => {
    const { id, body } = await accepted({ name: 'free' });
    expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(body).not.to.have.property('fingerprint');
  });

  const bodies: readonly [why: string, request: object, body: MessageBody][] = [
    ['nothing but what is needed', { name: 'free' }, { kwargs: {} }],
    [
      'args and kwargs',
      { name: 'mail', args: ['a'], kwargs: { times: 2 } },
      { args: ['a'], kwargs: { times: 2 } },
    ],
    ['a countdown as a time', { name: 'free', countdown: 1.5 }, { kwargs: {}, eta: NOW + 1500 }],
    ['an eta', { name: 'free', eta: '2026-11-22T11:00:00+01:00' }, { kwargs: {}, eta: NOW }],
    [
      'tags and headers',
      { name: 'free', tags: ['t'], headers: { h: 1 } },
      { kwargs: {}, tags: ['t'], headers: { h: 1 } },
    ],
    [
      'the options of the task',
      { name: 'eager' },
      { kwargs: {}, max_retries: 3, result_expires: 60, ignore_result: true },
    ],
    [
      'its own over those of the task',
      { name: 'eager', max_retries: 7, result_expires: 5 },
      { kwargs: {}, max_retries: 7, result_expires: 5, ignore_result: true },
    ],
    [
      '"none" and "no" over those of the task',
      { name: 'eager', max_retries: 0, ignore_result: false },
      { kwargs: {}, max_retries: 0, result_expires: 60, ignore_result: false },
    ],
  ];
  for (const [why, request, body] of bodies) {
    it(`stores ${why}`, async () => {
      expect((await accepted(request)).body).to.deep.equal(body);
    });
  }

  it("goes to the task's queue unless it names one", async () => {
    expect((await accepted({ name: 'eager' })).queue).to.equal('slow');
    expect((await accepted({ name: 'eager', queue: 'fast' })).queue).to.equal('fast');
    expect((await accepted({ name: 'free' })).queue).to.equal('default');
  });

  it('is known again by what it says, not by the order of its keys', async () => {
    const print = async (request: object) =>
      (await accepted({ task_id: 'a', name: 'free', ...request })).body.fingerprint;
    const nested = await print({ kwargs: { a: { x: 1, y: [1, 2] }, b: 2 } });
    expect(await print({ kwargs: { b: 2, a: { y: [1, 2], x: 1 } } })).to.equal(nested);
    expect(await print({ kwargs: { b: 2, a: { y: [2, 1], x: 1 } } })).not.to.equal(nested);
    expect(await print({ kwargs: { a: { x: 1, y: [1, 2] }, b: 2 }, tags: ['t'] })).not.to.equal(
      nested,
    );
  });

  it('is known again where it says by an empty list or object what it has not', async () => {
    const print = async (request: object) =>
      (await accepted({ task_id: 'a', name: 'free', ...request })).body.fingerprint;
    const empty = await print({});
    expect(await print({ args: [], kwargs: {}, headers: {}, tags: [] })).to.equal(empty);
    for (const other of [{ args: [[]] }, { kwargs: { a: {} } }, { priority: 5 }])
      expect(await print(other)).not.to.equal(empty);
  });

  it('is known again by a later release', async () => {
    const kwargs = { b: [1, -2.5, 1e300, null, true], a: { 10: 'é"', 9: '', z: {}, '04': [] } };
    const { body } = await accepted({ task_id: 'a', name: 'free', kwargs, tags: ['t'] });
    const text =
      '{"kwargs":{"a":{"9":"","10":"é\\"","04":[],"z":{}},"b":[1,-2.5,1e+300,null,true]},' +
      '"name":"free","tags":["t"],"task_id":"a"}';
    const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    expect(body.fingerprint).to.equal(hash);
  });

  const wrong: readonly [why: string, request: unknown, path: string, says: string][] = [
    ['no object', 7, '', 'expected object, got number'],
    ['no name', {}, '/name', 'is required'],
    ['an unknown field', { name: 'free', kwarg: {} }, '/kwarg', 'did you mean "kwargs"?'],
    ['a field of a later release', { name: 'free', link: {} }, '/link', 'unknown field'],
    ['a misspelt option', { name: 'free', expire: 9 }, '/expire', 'did you mean "expires"?'],
    ['a misspelt limit', { name: 'free', timelimit: 9 }, '/timelimit', 'mean "time_limit"?'],
    ['an unknown task', { name: 'mial' }, '/name', 'no worker serves a task "mial"'],
    ['a mistyped task', { name: 'fre' }, '/name', 'did you mean "free"?'],
    ['a wrong id', { name: 'free', task_id: '42' }, '/task_id', 'no digit'],
    ['a missing keyword', { name: 'mail' }, '/kwargs/to', 'is required'],
    ['a wrong keyword', { name: 'mail', kwargs: { to: 1 } }, '/kwargs/to', 'expected string'],
    ['a wrong argument', { name: 'mail', args: [1] }, '/args/0', 'expected string'],
    ['too many arguments', { name: 'mail', args: ['a', 1, 2] }, '/args', 'at most 2'],
    [
      'an argument given twice',
      { name: 'mail', args: ['a'], kwargs: { to: 'b' } },
      '/args/0',
      'twice',
    ],
    ['a wrong queue', { name: 'free', queue: 'a:b' }, '/queue', 'pattern'],
    [
      'eta and countdown',
      { name: 'free', eta: '2026-11-22T10:00:00Z', countdown: 1 },
      '/eta',
      'excludes',
    ],
    ['no time as eta', { name: 'free', eta: 'tomorrow' }, '/eta', 'date-time'],
    ['a time of no zone as eta', { name: 'free', eta: '2026-11-22T10:00:00' }, '/eta', 'date-time'],
    [
      'a leap second as eta',
      { name: 'free', eta: '2026-12-31T23:59:60Z' },
      '/eta',
      'expected a time',
    ],
    ['an eta in eleven years', { name: 'free', eta: '2037-11-22T10:00:00Z' }, '/eta', 'ten years'],
    ['a negative countdown', { name: 'free', countdown: -1 }, '/countdown', '>= 0'],
    ['too long a countdown', { name: 'free', countdown: MAX_COUNTDOWN + 1 }, '/countdown', '<='],
    [
      'retries that are no whole number',
      { name: 'free', max_retries: 1.5 },
      '/max_retries',
      'integer',
    ],
    ['a lifetime of nothing', { name: 'free', result_expires: 0 }, '/result_expires', '> 0'],
    ['too many tags', { name: 'free', tags: Array(33).fill('t') }, '/tags', '32'],
    ['an empty tag', { name: 'free', tags: [''] }, '/tags/0', 'fewer'],
  ];
  for (const [why, request, path, says] of wrong) {
    it(`is refused for ${why}`, async () => {
      const errors = await refused(request);
      expect(errors.map((error) => error.path)).to.deep.equal([path]);
      expect(errors[0]?.message).to.contain(says);
    });
  }
});
