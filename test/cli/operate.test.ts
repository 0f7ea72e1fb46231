import { expect } from 'chai';
import { all } from '../client/tasks.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { runKaje, startTestWorker } from '../support/worker.ts';

describe('commands for operators', () => {
  let api: TestApi;
  let worker: string;

  beforeEach(async () => {
    api = await startTestApi();
    ({ name: worker } = await startTestWorker(api.config, all, [
      { name: 'default' },
      { name: 'mail' },
    ]));
    await eventually(async () => (await api.get('/v1/workers')).body.workers.length === 1);
  });

  const kaje = async (...args: string[]) => {
    const { output, ended } = runKaje([...args, '--url', api.url]);
    return { code: await ended, lines: output().trimEnd().split('\n') };
  };
  const inJson = async (...args: string[]) => {
    const { code, lines } = await kaje(...args, '--json');
    return { code, value: JSON.parse(lines.join('\n')) };
  };
  const send = (task_id: string, given: object = {}) =>
    api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id, ...given });

  it('inspect prints tables, what each worker says, and JSON', async () => {
    await send('due', { countdown: 3600 });
    const long = { name: 'long', args: [20_000], task_id: 'runs' };
    await api.post('/v1/send_task', long);
    await eventually(async () => (await api.get('/v1/tasks/runs')).body.state === 'PROGRESS');
    const [active, scheduled, stats, ping, reserved] = await Promise.all([
      kaje('inspect', 'active'),
      kaje('inspect', 'scheduled'),
      kaje('inspect', 'stats', '--worker', worker),
      inJson('inspect', 'ping', '--timeout', '20'),
      kaje('inspect', 'reserved'),
    ]);
    expect(active.lines[0]).to.match(/^WORKER +TASK ID +NAME +ARGS +KWARGS +QUEUE /);
    expect(active.lines[1]).to.match(
      /^worker-\S+ +runs +long +\[20000\] +\{\} +default +0 +20\d\d-/,
    );
    expect(scheduled.lines[1]).to.match(/^worker-\S+ +20\d\d-\S+ +due +add +default$/);
    expect(stats.lines[0]).to.equal(worker);
    expect(stats.lines.join('\n')).to.match(
      /\n {2}queues +name default, concurrency 20, active 1,/,
    );
    expect(reserved.lines).to.deep.equal(['none']);
    const answer = { command: 'ping', workers: { [worker]: 'pong' }, missing: [] };
    expect(ping).to.deep.equal({ code: 0, value: answer });
    expect([active.code, scheduled.code, stats.code, reserved.code]).to.deep.equal([0, 0, 0, 0]);
  });

  it('control tells all workers or those that are named, and exits with 1 when one refuses', async () => {
    const grown = await kaje('control', 'pool_grow', '--n', '3', '--queue', 'mail');
    expect(grown).to.deep.equal({ code: 0, lines: [`${worker}  default:20, mail:23`] });
    const scaled = await kaje('control', 'autoscale', worker, '--max', '5', '--min', '2');
    expect(scaled.lines).to.deep.equal([`${worker}  default:5 (2 to 5), mail:5 (2 to 5)`]);
    const refused = await kaje('control', 'cancel_consumer', '--queue', 'nope');
    expect(refused.code).to.equal(1);
    expect(refused.lines[0]).to.match(/refused: it does not consume "nope"$/);
    const some = await inJson('control', 'ping', worker, 'ghost');
    expect(some.code).to.equal(1);
    expect(some.value.workers[worker]).to.deep.equal({ answer: 'pong' });
    expect(some.value.workers.ghost.error).to.match(/^No worker "ghost" is alive/);
    const wrong = await kaje('control', 'add_consumer');
    expect(wrong).to.deep.equal({
      code: 2,
      lines: ['kaje: /queue: is required by add_consumer'],
    });
  });

  it('status shows who answers and how fast', async () => {
    const { code, lines } = await kaje('status', '--timeout', '20');
    expect(lines[0]).to.match(/^WORKER +STATUS +ROUND TRIP$/);
    expect(lines[1]).to.match(/^worker-\S+ +OK +[\d.]+ ms$/);
    expect(lines[2]).to.equal('1 of 1 answered');
    expect(code).to.equal(0);
  });

  it('pause, resume and purge say how the queue stands then', async () => {
    expect((await kaje('pause', 'default')).lines).to.deep.equal([
      'default is paused: 0 waiting, 0 running',
    ]);
    await Promise.all([send('a'), send('b'), send('c', { countdown: 60 })]);
    const unasked = await kaje('purge', 'default');
    expect(unasked.code).to.equal(2);
    expect(unasked.lines[0]).to.match(/^kaje: Expected --yes: /);
    expect((await kaje('purge', 'default', '--yes')).lines).to.deep.equal([
      '3 tasks removed from default',
    ]);
    expect((await kaje('resume', 'default')).lines[0]).to.match(/^default goes on: /);
    const unknown = await kaje('pause', 'defalt');
    expect(unknown).to.deep.equal({
      code: 1,
      lines: ['kaje: No queue "defalt" - did you mean "default"?'],
    });
  });

  it('top prints one picture where there is no terminal, without colours', async () => {
    await send('a');
    const { code, lines } = await kaje('top');
    expect(code).to.equal(0);
    expect(lines[0]).to.match(
      /^kaje top +\d\d:\d\d:\d\d +1 worker +0 running +0 waiting +[\d.]+ done/,
    );
    expect(lines.join('\n')).to.match(/\nQUEUE .*\ndefault .*\nmail .*\n\nWORKER .*\nworker-/);
    expect(lines.at(-1)).to.equal('NO TASK RUNS');
    expect(lines.join('')).not.to.include('\u001b');
    expect((await inJson('top')).value).to.have.all.keys('at', 'queues', 'stats', 'active');
  });
});

describe('commands for operators without a worker', () => {
  it('exit with 1 and say that none is alive', async () => {
    const { url } = await startTestApi();
    const commands = [['status'], ['inspect', 'ping'], ['control', 'ping']];
    const all = commands.map(async (args) => {
      const { output, ended } = runKaje([...args, '--url', url]);
      return [await ended, output()];
    });
    for (const said of await Promise.all(all))
      expect(said).to.deep.equal([1, 'No worker is alive\n']);
  });
});
