import { expect } from 'chai';
import { logText } from '../../cli/commands/logs.ts';
import { defineTask, type TaskLogLine } from '../../client/index.ts';
import { add, boom } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAndWorker } from '../support/stack.ts';
import { runKaje } from '../support/worker.ts';

/** Fails once; each of its runs goes on when the gate is open. */
let openGate: () => void;
let gate: Promise<void>;
const talk = defineTask('talk', {
  retry: { max: 1, delay: 0.01, jitter: false },
  async run(_input: object, ctx) {
    ctx.log.info('begun', { url: 'http://x' });
    await gate;
    ctx.log.warn('over');
    if (ctx.retries === 0) throw new Error('once more');
  },
});

beforeEach(() => {
  gate = new Promise((resolve) => (openGate = resolve));
});

async function startKaje() {
  const api = await startApiAndWorker([add, boom, talk]);
  const kaje = async (...args: string[]) => {
    const { output, ended } = runKaje([...args, '--url', api.url]);
    return { code: await ended, text: output(), lines: output().split('\n') };
  };
  return { api, kaje };
}

/** The oldest first: sum, bad, due. */
async function sendThree(api: TestApi) {
  await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 'sum' });
  await api.post('/v1/send_task?wait=10', { name: 'boom', task_id: 'bad', tags: ['x'] });
  await api.post('/v1/send_task', { name: 'boom', task_id: 'due', countdown: 90 });
}

describe('`kaje tasks`', () => {
  it('prints a table, the newest first', async () => {
    const { api, kaje } = await startKaje();
    await sendThree(api);
    const { code, lines } = await kaje('tasks');
    expect(lines[0]).to.match(/^ID +NAME +STATE +QUEUE +SENT +RUNTIME +WORKER$/);
    expect(lines[1]).to.match(/^due +boom +PENDING +default +\d s ago +due in \d\d s$/);
    expect(lines[2]).to.match(/^bad +boom +FAILURE +default +\d s ago +[\d.]+ s +worker-\d+@\S+$/);
    expect(lines[3]).to.match(/^sum +add +SUCCESS +default +\d s ago +[\d.]+ s +worker-\d+@\S+$/);
    expect(lines.slice(4)).to.deep.equal(['']);
    expect(code).to.equal(0);
  });

  it('shows as many as it is told, and says that there are more', async () => {
    const { api, kaje } = await startKaje();
    await sendThree(api);
    const { lines } = await kaje('tasks', '--limit', '1');
    expect(lines.slice(1)).to.deep.equal([lines[1], 'the newest 1; for more: --limit', '']);
    expect(lines[1]).to.match(/^due /);
  });

  it('takes every filter, and prints JSON', async () => {
    const { api, kaje } = await startKaje();
    await sendThree(api);
    const ids = async (...args: string[]) => {
      const { tasks } = JSON.parse((await kaje('tasks', '--json', ...args)).text);
      return tasks.map(({ task_id: id }: { task_id: string }) => id);
    };
    expect(await ids('--state', 'failure,SUCCESS', '--queue', 'default')).to.deep.equal([
      ...['bad', 'sum'],
    ]);
    expect(await ids('--name', 'boom', '--tag', 'x', '--since', '1h')).to.deep.equal(['bad']);
    expect(await ids('--until', '2026-01-01T00:00Z')).to.deep.equal([]);
  });

  it('says that it found none, and what a state may have been meant to be', async () => {
    const { kaje } = await startKaje();
    expect((await kaje('tasks')).text).to.equal('No such task\n');
    const { text, code } = await kaje('tasks', '--state', 'SUCESS');
    expect(text).to.equal('No such task - did you mean "SUCCESS"?\n');
    expect(code).to.equal(0);
  });

  for (const args of [
    ['--state', 'not-a-state'],
    ['--since', 'yesterday'],
  ]) {
    it(`exits with 2 for ${args.join(' ')}`, async () => {
      const { kaje } = await startKaje();
      const { code, text } = await kaje('tasks', ...args);
      expect(code).to.equal(2);
      expect(text).to.match(/state|Expected/);
    });
  }
});

describe('`kaje logs`', () => {
  it('prints what a task has written, run by run', async () => {
    const { api, kaje } = await startKaje();
    openGate();
    await api.post('/v1/send_task?wait=10', { name: 'talk', task_id: 't' });
    const { code, lines } = await kaje('logs', 't');
    expect(lines.map((line) => line.replace(/^[\d:.]{12} /, ''))).to.deep.equal([
      ...['INFO  begun url=http://x', 'WARN  over', 'attempt 2'],
      ...['INFO  begun url=http://x', 'WARN  over', ''],
    ]);
    expect(code).to.equal(0);
    const { logs } = JSON.parse((await kaje('logs', 't', '--json')).text);
    expect(logs.length).to.equal(4);
  });

  it('follows a task to its end', async () => {
    const { api } = await startKaje();
    await api.post('/v1/send_task', { name: 'talk', task_id: 't' });
    const { output, ended } = runKaje(['logs', 't', '--follow', '--url', api.url]);
    await eventually(() => /INFO {2}begun/.test(output()));
    expect((await api.get('/v1/tasks/t')).body.ready).to.equal(false);
    openGate();
    expect(await ended).to.equal(0);
    expect(output()).to.match(/attempt 2\n.*begun.*\n.*WARN {2}over\nSUCCESS in [\d.]+ s\n$/);
  });

  it('says so of a task that has written nothing, and exits with 1 for an unknown one', async () => {
    const { api, kaje } = await startKaje();
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 'sum' });
    expect((await kaje('logs', 'sum')).text).to.equal('sum has written nothing by ctx.log\n');
    const { code, text } = await kaje('logs', 'nope');
    expect(text).to.match(/^kaje: No task "nope"/);
    expect(code).to.equal(1);
  });

  const at = new Date(2026, 0, 1, 10, 0, 0, 42).toISOString();
  const LINES: readonly (readonly [line: Partial<TaskLogLine>, text: string])[] = [
    [{ message: 'done' }, 'INFO  done'],
    [{ level: 'error', message: 'no\u001b[31m\u0007' }, 'ERROR no[31m'],
    [{ message: 'one\ntwo\r\nthree\n' }, 'INFO  one\n    two\n    three'],
    [
      { message: 'x', fields: { a: 1, b: 'two words', c: 'word', d: { e: [null] }, f: '' } },
      'INFO  x a=1 b="two words" c=word d={"e":[null]} f=""',
    ],
  ];
  for (const [line, text] of LINES) {
    it(`prints ${JSON.stringify(text)}`, () => {
      const whole = { number: 1, at, level: 'info', message: '', fields: {}, attempt: 1 } as const;
      expect(logText({ ...whole, ...line })).to.equal(`10:00:00.042 ${text}`);
    });
  }
});
