import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { add, echo } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { startApiAlone, storedIn } from '../support/stack.ts';

const ADD = { name: 'add', args: [1, 2] };
const ELEVEN_YEARS_S = 11 * 365 * 86_400;

/** request -> path of the wrong field, and what its message says */
const REFUSED: readonly (readonly [title: string, task: unknown, path: string, message: RegExp])[] =
  [
    ['a list', [], '', /expected object, got array/],
    ['null', null, '', /expected object, got null/],
    ['no name', {}, '/name', /is required/],
    ['a name of a wrong type', { name: 7 }, '/name', /expected string, got number/],
    ['a name nobody serves', { name: 'zzzz' }, '/name', /no worker serves a task "zzzz"$/],
    ['a mistyped name', { name: 'ad' }, '/name', /did you mean "add"\?/],
    ['a name of Object', { name: 'constructor' }, '/name', /no worker serves/],
    ['a mistyped field', { ...ADD, kwarg: {} }, '/kwarg', /unknown field "kwarg".*"kwargs"\?/],
    ['a field of later', { ...ADD, link: 'x' }, '/link', /unknown field "link"/],
    ['a field with a slash', { ...ADD, 'a/b~': 1 }, '/a~1b~0', /unknown field "a\/b~"/],
    ['args that are none', { name: 'add', args: {} }, '/args', /expected array, got object/],
    ['kwargs that are none', { name: 'add', kwargs: [] }, '/kwargs', /expected object, got array/],
    ['a positional value', { name: 'add', args: [1, 'x'] }, '/args/1', /expected number/],
    ['a named value', { name: 'add', kwargs: { a: 1, b: 'x' } }, '/kwargs/b', /expected number/],
    ['a missing input', { name: 'add', args: [1] }, '/kwargs/b', /is required/],
    ['too many args', { name: 'add', args: [1, 2, 3] }, '/args', /at most 2 .* got 3/],
    ['a value given twice', { ...ADD, kwargs: { b: 2 } }, '/args/1', /"b" is given twice/],
    ['countdown below 0', { ...ADD, countdown: -1 }, '/countdown', />= 0/],
    ['countdown as text', { ...ADD, countdown: '5' }, '/countdown', /expected number, got string/],
    ['countdown too far', { ...ADD, countdown: ELEVEN_YEARS_S }, '/countdown', /<= /],
    ['an eta without a zone', { ...ADD, eta: '2031-01-01T00:00:00' }, '/eta', /date-time/],
    ['an eta that is no date', { ...ADD, eta: '2031-02-30T00:00:00Z' }, '/eta', /date-time/],
    ['an eta in a leap second', { ...ADD, eta: '2016-12-31T23:59:60Z' }, '/eta', /time/],
    ['an eta as a number', { ...ADD, eta: 1 }, '/eta', /expected string/],
    ['an eta too far', { ...ADD, eta: '2999-01-01T00:00:00Z' }, '/eta', /ten years/],
    ['a queue with a colon', { ...ADD, queue: 'a:b' }, '/queue', /pattern/],
    ['an empty queue', { ...ADD, queue: '' }, '/queue', /pattern/],
    ['a queue that URLs drop', { ...ADD, queue: '.' }, '/queue', /pattern/],
    ['a queue that URLs resolve', { ...ADD, queue: '..' }, '/queue', /pattern/],
    ['max_retries below 0', { ...ADD, max_retries: -1 }, '/max_retries', />= 0/],
    ['half a retry', { ...ADD, max_retries: 0.5 }, '/max_retries', /expected integer/],
    ['ignore_result as text', { ...ADD, ignore_result: 'no' }, '/ignore_result', /boolean/],
    ['a result kept for 0 s', { ...ADD, result_expires: 0 }, '/result_expires', /> 0/],
    ['headers as a list', { ...ADD, headers: [] }, '/headers', /expected object/],
    ['tags as text', { ...ADD, tags: 'x' }, '/tags', /expected array/],
    ['an empty tag', { ...ADD, tags: ['a', ''] }, '/tags/1', /fewer than 1/],
    ['33 tags', { ...ADD, tags: Array(33).fill('x') }, '/tags', /more than 32/],
    ['a task_id as a number', { ...ADD, task_id: 5 }, '/task_id', /expected string, got number/],
    ['a task_id of digits', { ...ADD, task_id: '12345' }, '/task_id', /no digit/],
    ['a task_id that is a number', { ...ADD, task_id: '-1' }, '/task_id', /number -1/],
    ['a task_id that is no number', { ...ADD, task_id: 'NaN' }, '/task_id', /number NaN/],
    ['an empty task_id', { ...ADD, task_id: '' }, '/task_id', /1 to 128/],
    ['a task_id too long', { ...ADD, task_id: 'x'.repeat(129) }, '/task_id', /1 to 128/],
    ['a task_id with a colon', { ...ADD, task_id: 'a:b' }, '/task_id', /1 to 128/],
    ['a task_id with a slash', { ...ADD, task_id: 'a/b' }, '/task_id', /1 to 128/],
    ['a task_id in Greek', { ...ADD, task_id: 'τάσκ' }, '/task_id', /1 to 128/],
    ['a task_id and a newline', { ...ADD, task_id: 'a\n' }, '/task_id', /1 to 128/],
    ['a task_id that URLs resolve', { ...ADD, task_id: '..' }, '/task_id', /expected/],
  ];

/** Names of BullMQ's own keys of a queue. */
const RESERVED = ['wait', 'active', 'paused', 'meta', 'id', 'events', 'completed', 'failed'];
const RESERVED_TOO = ['delayed', 'prioritized', 'waiting-children', 'stalled', 'marker', 'limiter'];

describe('POST /v1/send_task refuses with 422 and stores nothing', () => {
  let api: TestApi;
  let redis: Redis;

  beforeEach(async () => {
    ({ api, redis } = await startApiAlone([add, echo]));
  });

  for (const [title, task, path, message] of REFUSED) {
    it(title, async () => {
      const { status, headers, body } = await api.post('/v1/send_task', task);
      expect(status).to.equal(422);
      expect(headers.get('content-type')).to.match(/^application\/problem\+json/);
      expect(headers.get('location')).to.equal(null);
      expect(body).to.have.all.keys('type', 'title', 'status', 'detail', 'instance', 'errors');
      expect(body).to.include({ type: 'urn:kaje:problem:invalid_request', status: 422 });
      expect(body.instance).to.equal('/v1/send_task');
      expect(body.errors).to.have.length(1);
      expect(body.errors[0]).to.have.all.keys('path', 'message');
      expect(body.errors[0].path).to.equal(path);
      expect(body.errors[0].message).to.match(message);
      expect(body.detail).to.include(body.errors[0].message);
      expect(await storedIn(redis, api.config)).to.equal(0);
    });
  }

  for (const task_id of [...RESERVED, ...RESERVED_TOO]) {
    it(`the task_id ${task_id}, which names a key of the queue`, async () => {
      const { status, body } = await api.post('/v1/send_task', { ...ADD, task_id });
      expect(status).to.equal(422);
      expect(body.errors).to.have.length(1);
      expect(body.errors[0].path).to.equal('/task_id');
      expect(await storedIn(redis, api.config)).to.equal(0);
    });
  }

  it('__proto__ as a field, by its name', async () => {
    const { status, body } = await api.post('/v1/send_task', '{"name":"add","__proto__":{}}');
    expect(status).to.equal(422);
    expect(body.errors[0].path).to.equal('/__proto__');
  });

  it('every wrong field at once', async () => {
    const task = { ...ADD, countdown: -1, tags: 7, prio: 1 };
    const { body } = await api.post('/v1/send_task', task);
    const paths = body.errors.map((each: { path: string }) => each.path);
    expect(paths).to.have.members(['/countdown', '/tags', '/prio']);
  });

  it('eta and countdown together', async () => {
    const task = { ...ADD, eta: '2031-01-01T00:00:00Z', countdown: 1 };
    const { status, body } = await api.post('/v1/send_task', task);
    expect(status).to.equal(422);
    expect(body.errors).to.deep.equal([
      { path: '/eta', message: 'excludes countdown: give one of them' },
    ]);
  });
});

describe('a queue at its maximum length', () => {
  it('answers 429 with Retry-After, and takes what is due later or for another queue', async () => {
    const { api, redis } = await startApiAlone([add], { queueMaxLength: 2 });
    const send = (task: object = {}) => api.post('/v1/send_task', { ...ADD, ...task });
    expect([(await send()).status, (await send()).status]).to.deep.equal([202, 202]);
    const full = await send();
    expect(full.status).to.equal(429);
    expect(full.headers.get('retry-after')).to.equal('1');
    expect(full.body).to.include({ type: 'urn:kaje:problem:queue_full', status: 429 });
    expect(full.body.detail).to.match(/"default".* 2 tasks/);
    expect((await send({ queue: 'other' })).status).to.equal(202);
    expect((await send({ countdown: 60 })).status).to.equal(202);
    expect(await storedIn(redis, api.config)).to.equal(3);
  });

  it('refuses a whole batch that does not fit, and still takes what fits', async () => {
    const { api, redis } = await startApiAlone([add], { queueMaxLength: 2 });
    const batch = await api.post('/v1/send_tasks', { tasks: [ADD, ADD, ADD] });
    expect(batch.status).to.equal(429);
    expect(await storedIn(redis, api.config)).to.equal(0);
    const fitting = await api.post('/v1/send_tasks', { tasks: [ADD, ADD] });
    expect(fitting.status).to.equal(202);
  });
});
