import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { Kaje } from '../../client/index.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { type Process, runKaje } from '../support/worker.ts';

describe('kaje start', () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'kaje start-'));
    // The program was fetched once for all tests; the data is this test's own.
    await symlink(resolve(process.env.KAJE_HOME ?? '.kaje', 'redis'), join(home, 'redis'));
  });

  const start = async () => {
    const args = ['start', '--home', home, '--port', '0'];
    const env = { KAJE_REDIS_URL: undefined, KAJE_LOG_FORMAT: 'pretty' };
    const kaje = runKaje(args, env);
    defer(() => stop(kaje));
    await eventually(() => kaje.output().includes('Kaje is ready.'));
    return kaje;
  };

  afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));

  it('prints two requests that work as they are printed, and a line for each task', async () => {
    const kaje = await start();
    const [send = '', read = ''] = kaje.output().match(/curl (?:\\\n|[^\n])*/g) ?? [];
    const [, url = ''] = /curl -s (\S+)/.exec(send) ?? [];
    const [, body = ''] = /-d '(.*)'/.exec(send) ?? [];
    const sent = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(sent.status).to.equal(202);
    const [, resultUrl = ''] = /'(.*)'/.exec(read) ?? [];
    const result = (await (await fetch(resultUrl)).json()) as { state: string };
    expect(result.state).to.equal('SUCCESS');
    await eventually(() =>
      /worker.*execute_slow_stuff first SUCCESS in [\d.]+ s\n/.test(kaje.output()),
    );
    expect((await fetch(`${new URL(url).origin}/docs`)).status).to.equal(200);
    expect(await stop(kaje)).to.equal(0);
    await eventually(async () => !(await isReachable(url)));
  });

  it('keeps tasks over a restart', async () => {
    const first = await start();
    await clientOf(first).sendTask('add', {}, { args: [2, 3], countdown: 1, taskId: 'later' });
    expect(await stop(first)).to.equal(0);
    const second = await start();
    expect(await clientOf(second).asyncResult('later').get({ timeout: 20 })).to.equal(5);
    expect(await stop(second)).to.equal(0);
  });

  it('says in one line that its port is in use, starts nothing, and exits with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    defer(() => server.close());
    await eventually(() => server.listening);
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const env = { KAJE_REDIS_URL: undefined };
    const { ended, output } = runKaje(['start', '--home', home, '--port', `${port}`], env);
    expect(await ended).to.equal(1);
    expect(output()).to.match(/^kaje: Port \d+ on 127\.0\.0\.1 is in use; [^\n]+--port\n$/);
  });
});

function clientOf(kaje: Process): Kaje {
  return new Kaje({ url: /API +(http\S+)/.exec(kaje.output())?.[1] ?? '' });
}

function stop(kaje: Process): Promise<number | NodeJS.Signals> {
  kaje.child.kill('SIGINT');
  return kaje.ended;
}

async function isReachable(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}
