import { expect } from 'chai';
import { all } from '../client/tasks.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { runKaje, startTestWorker } from '../support/worker.ts';

describe('commands that ask a running Kaje', () => {
  let api: TestApi;

  beforeEach(async () => {
    api = await startTestApi();
    await startTestWorker(api.config, all);
  });

  /** Asks by a flag, and prints nothing but its answer. */
  const kaje = async (...args: string[]) => {
    const { output, ended } = runKaje([...args, '--url', api.url]);
    return { code: await ended, text: output() };
  };
  const inJson = async (...args: string[]) => {
    const { code, text } = await kaje(...args, '--json');
    return { code, value: JSON.parse(text) };
  };

  it('send prints the task, its state and its result, and exits with 0', async () => {
    const { code, text } = await kaje(
      'send',
      'add',
      '--args',
      '[2]',
      '--kwargs',
      '{"b":3}',
      '--wait',
    );
    expect(text).to.match(/^add [0-9a-f-]{36} SUCCESS in [\d.]+ s\n5\n$/);
    expect(code).to.equal(0);
  });

  it('send exits with 1 and prints the traceback when the task fails', async () => {
    const { code, text } = await kaje('send', 'refuse', '--wait', '10', '--task-id', 'no');
    expect(text).to.match(/^refuse no FAILURE in [\d.]+ s\nPaymentRefused: the card was refused\n/);
    expect(text).to.match(/ at .*tasks\.ts:/);
    expect(code).to.equal(1);
  });

  it('send says how to go on when its wait was too short, and exits with 3', async () => {
    const args = ['send', 'add', '--args', '[2,3]', '--countdown', '60', '--task-id', 'later'];
    const { code, text } = await kaje(...args, '--wait', '0.1');
    const [head, due, ...rest] = text.split('\n');
    expect(head).to.equal('add later PENDING');
    expect(due).to.match(/^due 20\d\d-/);
    expect(rest).to.deep.equal([
      'not ready within 0.1 s; to wait on: kaje result later --wait',
      '',
    ]);
    expect(code).to.equal(3);
    expect((await inJson('result', 'later', '--wait', '0.1')).code).to.equal(3);
    expect((await kaje('result', 'later')).code).to.equal(0);
  });

  it('send hands on every option that it has a flag for', async () => {
    const eta = '2035-01-02T03:04:05+01:00';
    const flags = ['--eta', eta, '--headers', '{"from":"cli"}', '--tags', 'nightly, mail'];
    const { value } = await inJson('send', 'add', '--args', '[1,2]', '--task-id', 'x', ...flags);
    expect(value).to.deep.include({
      ...{ eta: '2035-01-02T02:04:05.000Z', headers: { from: 'cli' }, tags: ['nightly', 'mail'] },
    });
    const short = ['--args', '[1,2]', '--ignore-result', '--wait'];
    expect((await inJson('send', 'add', ...short)).value).to.include({
      ...{ state: 'SUCCESS', result: null },
    });
    const brief = ['--args', '[1,2]', '--result-expires', '2', '--task-id', 'brief'];
    expect((await kaje('send', 'add', ...brief)).code).to.equal(0);
    await eventually(async () => (await kaje('result', 'brief')).text.includes('No task "brief"'));
  });

  it('send and result print the whole record as JSON', async () => {
    const sent = await inJson('send', 'refuse', '--wait', '--task-id', 'a', '--max-retries', '1');
    expect(sent.code).to.equal(1);
    expect(sent.value).to.include({ task_id: 'a', state: 'FAILURE', retries: 1 });
    const read = await inJson('result', 'a');
    expect(read.code).to.equal(1);
    expect(read.value).to.deep.equal(sent.value);
  });

  it('result exits with 1 and one line for an id that nobody knows', async () => {
    const { code, text } = await kaje('result', 'nope', '--wait');
    expect(text).to.match(/^kaje: No task "nope": [^\n]*\n$/);
    expect(code).to.equal(1);
  });

  it('registry, queues and workers print tables', async () => {
    await kaje('send', 'add', '--args', '[2,3]', '--wait');
    const [head, first] = (await kaje('registry')).text.split('\n');
    expect(head).to.match(/^TASK +INPUT +QUEUE +RETRIES +WORKERS +DESCRIPTION$/);
    expect(first).to.match(/^add +a, b +default +0 +1$/);
    const queues = (await kaje('queues')).text.split('\n');
    expect(queues[0]).to.match(/^QUEUE +WAITING +DELAYED +ACTIVE +SUCCEEDED +FAILED +WORKERS$/);
    expect(queues[1]).to.match(/^default +0 +0 +0 +1 +0 +1$/);
    const workers = (await kaje('workers')).text.split('\n');
    expect(workers[1]).to.match(
      /^worker-\d+@\S+ +default:20 +0 +\d+ +0 +0 +\d+ MB +\d+ ms +\d+ s +\d+ s ago\b/,
    );
  });

  it('registry shows one task: its options, workers and input', async () => {
    const { code, text } = await kaje('registry', 'add');
    expect(text).to.match(/^add\n\nqueue +default\n[\s\S]*\nmax retries +0\n/);
    expect(text).to.match(/\nworkers +worker-\d+@\S+\n\ninput, as JSON Schema\n\{/);
    expect(text).to.include('"properties"');
    expect(code).to.equal(0);
    expect((await inJson('registry', 'add')).value).to.include({ name: 'add' });
    const wrong = await kaje('registry', 'ad');
    expect(wrong.text).to.equal('kaje: No worker serves a task "ad" - did you mean "add"?\n');
    expect(wrong.code).to.equal(1);
  });

  it('registry, queues and workers print JSON', async () => {
    const [registry, queues, workers] = await Promise.all([
      inJson('registry'),
      inJson('queues'),
      eventually(async () => {
        const answer = await inJson('workers');
        return answer.value.workers.length === 1 && answer;
      }),
    ]);
    expect(registry.value.tasks.map(({ name }: { name: string }) => name)).to.include('add');
    expect(queues.value.queues[0]).to.include({ name: 'default', waiting: 0, paused: false });
    expect(workers.value.workers[0]).to.include({ pid: process.pid });
  });

  it('ask Redis itself by --redis-url, and take flags from KAJE_* variables', async () => {
    const { redisUrl, prefix } = api.config;
    const straight = runKaje(['queues', '--json', '--redis-url', redisUrl], {
      KAJE_PREFIX: prefix,
    });
    const byEnv = runKaje(['queues', '--json'], { KAJE_URL: api.url });
    expect([await straight.ended, await byEnv.ended]).to.deep.equal([0, 0]);
    expect(JSON.parse(straight.output())).to.deep.equal(JSON.parse(byEnv.output()));
  });

  it('print no colours into a pipe', async () => {
    const answers = [await kaje('queues'), await kaje('send', 'refuse', '--wait')];
    for (const { text } of answers) expect(text).not.to.include('\u001b');
  });
});
