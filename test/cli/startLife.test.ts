import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { Kaje } from '../../client/index.ts';
import { flagOf, SETTINGS } from '../../shared/config.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { FIXTURES, type Process, runKaje } from '../support/worker.ts';

describe('the processes of kaje start', () => {
  /** On the tests' Redis, under a prefix of the test's own. */
  const start = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const { redisUrl, prefix } = testConfig();
    const target = ['--redis-url', redisUrl, '--prefix', prefix, '--port', '0'];
    const kaje = runKaje(['start', ...target, ...args], { KAJE_LOG_FORMAT: 'json', ...env });
    defer(async () => {
      kaje.child.kill('SIGTERM');
      await kaje.ended;
    });
    await eventually(() => kaje.output().includes('Kaje is ready.'));
    return kaje;
  };

  it('take every setting by a flag', async () => {
    const { output, ended } = runKaje(['start', '--help']);
    await ended;
    const flags = Object.values(SETTINGS).map(({ env }) => flagOf(env));
    for (const flag of [...flags, '--name', '--tasks', '--queues']) {
      expect(output()).to.include(`${flag} <`);
    }
  });

  it('serve the tasks of KAJE_TASKS by a worker of the given name and settings', async () => {
    const flags = ['--name', 'w1', '--concurrency', '3', '--result-max-bytes', '10'];
    const kaje = await start(flags, { KAJE_TASKS: `${FIXTURES}, ` });
    const sample = '-d \'{"name": "flaky", "kwargs": {"failures": <failures>}}\'';
    expect(kaje.output()).to.include(sample);
    const client = clientOf(kaje);
    const [worker] = await eventually(async () => {
      const workers = await client.workers();
      return workers.length > 0 && workers;
    });
    expect(worker).to.include({ id: 'w1' });
    expect(worker?.queues).to.deep.equal([{ name: 'default', concurrency: 3 }]);
    const small = await client.sendTask('add', { a: 1, b: 2 });
    expect(await small.get({ timeout: 10 })).to.equal(3);
    const large = await client.sendTask('add', { a: 0.1, b: 0.2 });
    await large.get({ timeout: 10, propagate: false });
    expect(await large.state).to.equal('FAILURE');
  });

  it('are joined by a new worker when one is killed', async () => {
    const kaje = await start(['--tasks', FIXTURES]);
    const client = clientOf(kaje);
    const runner = async () => (await client.sendTask('trace', { key: 'a' })).get({ timeout: 20 });
    const first = Number(await runner());
    process.kill(first, 'SIGKILL');
    await eventually(() => kaje.output().includes('The worker ended by itself (SIGKILL); a new '));
    const second = Number(await runner());
    expect(second).not.to.equal(first);
    expect(kaje.output().match(/ended by itself/g)).to.have.length(1);
    kaje.child.kill('SIGTERM');
    expect(await kaje.ended).to.equal(0);
    expect(isAlive(second)).to.equal(false);
  });

  it('end with exit code 1 when the worker cannot start at all, or the API dies', async () => {
    const { redisUrl, prefix } = testConfig();
    const target = ['--redis-url', redisUrl, '--prefix', prefix, '--port', '0'];
    const { ended, output } = runKaje(['start', ...target, '--tasks', '/nope']);
    expect(await ended).to.equal(1);
    expect(output()).to.include('kaje: --tasks /nope: no such file');
    expect(output()).to.include('The worker ended by itself (2); its log above says why.');
    const kaje = await start(['--tasks', FIXTURES]);
    const line = /"pid":(\d+)[^\n]*"name":"api"/;
    const api = await eventually(() => line.exec(kaje.output())?.[1]);
    process.kill(Number(api), 'SIGKILL');
    expect(await kaje.ended).to.equal(1);
    expect(kaje.output()).to.include('The API ended by itself (SIGKILL)');
  });

  it('end in order, Redis last, when the terminal is closed', async () => {
    const home = await mkdtemp(join(tmpdir(), 'kaje-hup-'));
    defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
    await symlink(resolve(process.env.KAJE_HOME ?? '.kaje', 'redis'), join(home, 'redis'));
    const kaje = runKaje(['start', '--home', home, '--port', '0', '--tasks', FIXTURES], {
      KAJE_REDIS_URL: undefined,
    });
    // Killed, it would leave its Redis behind.
    defer(async () => {
      kaje.child.kill('SIGTERM');
      await kaje.ended;
    });
    await eventually(() => kaje.output().includes('Kaje is ready.'));
    const [, redisUrl = ''] = /Redis +(redis:\S+)/.exec(kaje.output()) ?? [];
    const client = clientOf(kaje);
    await client.sendTask('long', { ms: 1000 }, { taskId: 'late' });
    await eventually(async () => (await client.asyncResult('late').info).worker !== null);
    expect(await answers(redisUrl)).to.equal(true);
    kaje.child.stdout?.destroy();
    kaje.child.stderr?.destroy();
    kaje.child.kill('SIGHUP');
    expect(await kaje.ended).to.equal(0);
    expect(await answers(redisUrl)).to.equal(false);
  });
});

function clientOf(kaje: Process): Kaje {
  return new Kaje({ url: /API +(http\S+)/.exec(kaje.output())?.[1] ?? '' });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function answers(url: string): Promise<boolean> {
  const redis = new Redis(url, { retryStrategy: () => null, lazyConnect: true });
  redis.on('error', () => undefined);
  return redis
    .ping()
    .then(
      () => true,
      () => false,
    )
    .finally(() => redis.disconnect());
}
