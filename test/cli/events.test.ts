import { expect } from 'chai';
import { eventLine } from '../../cli/commands/events.ts';
import type { ClusterEvent } from '../../client/index.ts';
import { createKeys } from '../../shared/keys.ts';
import { echo } from '../fixtures/quick.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone } from '../support/stack.ts';
import { runKaje } from '../support/worker.ts';

// A local time, as people read it.
const timestamp = new Date(2026, 0, 1, 10, 0, 0, 42).toISOString();
const task = { timestamp, task_id: 'a', name: 'add', queue: 'mail' };
const run = { ...task, worker: 'w1', retries: 0 };
const error = { type: 'RangeError', message: 'too\n  far \u001b[31m' };
const eta = '2026-01-01T10:00:05.000Z';

describe('a line of `kaje events`', () => {
  const table: readonly [event: ClusterEvent, line: string][] = [
    [{ type: 'task-sent', ...task }, 'task-sent      add a to mail'],
    [{ type: 'task-sent', ...task, eta }, `task-sent      add a to mail due ${eta}`],
    [{ type: 'task-received', ...run }, 'task-received  add a on w1'],
    [{ type: 'task-started', ...run, retries: 2 }, 'task-started   add a on w1 retry 2'],
    [
      { type: 'task-retried', ...run, retries: 1, eta, runtime: 0.1, error },
      `task-retried   add a retry 1 due ${eta} RangeError: too far [31m`,
    ],
    [{ type: 'task-succeeded', ...run, runtime: 0.123 }, 'task-succeeded add a in 0.123 s'],
    [
      { type: 'task-failed', ...run, runtime: 2, error },
      'task-failed    add a in 2 s RangeError: too far [31m',
    ],
    [
      { type: 'task-failed', ...run, error: { type: 'Error', message: 'x'.repeat(300) } },
      `task-failed    add a Error: ${'x'.repeat(200)}…`,
    ],
    [
      { type: 'task-revoked', ...task, error: { type: 'TaskExpired', message: 'too late' } },
      'task-revoked   add a TaskExpired: too late',
    ],
    [{ type: 'worker-online', timestamp, worker: 'w1' }, 'worker-online  w1'],
    [{ type: 'worker-offline', timestamp, worker: 'w1' }, 'worker-offline w1'],
  ];
  for (const [event, line] of table) {
    it(`reads: ${line.slice(0, 60)}`, () => {
      expect(eventLine(event)).to.equal(`10:00:00.042 ${line}`);
    });
  }
});

describe('`kaje events`', () => {
  /** A followed API; resolves when the command listens. */
  async function startFollowing(...args: string[]) {
    const { api, redis } = await startApiAlone([echo]);
    const { events } = createKeys(api.config.prefix);
    const target = ['--url', api.url];
    const command = runKaje(['events', ...args, ...target]);
    await eventually(async () => Number((await redis.pubsub('NUMSUB', events))[1]) === 1);
    return { api, command };
  }

  it('prints a line an event, until it is interrupted', async () => {
    const { api, command } = await startFollowing();
    await api.post('/v1/send_task', { name: 'echo', task_id: 'a' });
    await eventually(() => command.output() !== '');
    expect(command.output()).to.match(/^\d\d:\d\d:\d\d\.\d{3} task-sent +echo a to default\n$/);
    command.child.kill('SIGINT');
    expect(await command.ended).to.equal('SIGINT');
  });

  it('prints JSON, a line each, of the types asked for', async () => {
    const { api, command } = await startFollowing('--json', '--type', 'task-sent,task-failed');
    for (const id of ['a', 'b']) await api.post('/v1/send_task', { name: 'echo', task_id: id });
    const lines = await eventually(() => {
      const lines = command.output().trim().split('\n');
      return lines.length === 2 && lines;
    });
    expect(lines.map((line) => JSON.parse(line).task_id)).to.deep.equal(['a', 'b']);
  });

  it('ends when nobody reads any more', async () => {
    const { api, command } = await startFollowing();
    command.child.stdout?.destroy();
    await eventually(async () => {
      await api.post('/v1/send_task', { name: 'echo' });
      return command.child.exitCode !== null;
    });
    expect(command.child.exitCode).to.equal(0);
  });

  it('says that a type does not exist and exits with 2', async () => {
    const { output, ended } = runKaje(['events', '--type', 'task-faild']);
    expect(await ended).to.equal(2);
    expect(output()).to.equal(
      'kaje: /type: no event has the type "task-faild" - did you mean "task-failed"?\n',
    );
  });

  it('exits with 1 when nobody is there to follow', async () => {
    const { output, ended } = runKaje(['events', '--url', 'http://127.0.0.1:1']);
    expect(await ended).to.equal(1);
    expect(output()).to.match(/^kaje: Unavailable: the API at http:\/\/127\.0\.0\.1:1 cannot be/);
  });
});
