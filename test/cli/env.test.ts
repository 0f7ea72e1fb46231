import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { envOf, readFiles } from '../../cli/env.ts';
import { loadConfig } from '../../shared/config.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { runKaje, startTestWorker } from '../support/worker.ts';

async function fileWith(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kaje-env-'));
  defer(() => rm(dir, { recursive: true }));
  const file = join(dir, 'secret');
  await writeFile(file, text);
  return file;
}

describe('the environment of the processes that kaje start runs', () => {
  it('hands every setting on', () => {
    const config = loadConfig({
      ...{ KAJE_REDIS_URL: 'redis://:pw@h:1/2', KAJE_PREFIX: 'p', KAJE_HOST: '::1' },
      ...{ KAJE_PORT: '0', KAJE_MAX_CONNECTIONS: '7', KAJE_MAX_BODY_BYTES: '8' },
      ...{ KAJE_QUEUE_MAX_LENGTH: '9', KAJE_CONCURRENCY: '3', KAJE_GRACE: '0.5' },
      ...{ KAJE_HEALTH_HOST: '0.0.0.0', KAJE_HEALTH_PORT: '1', KAJE_RESULT_EXPIRES: '2' },
      ...{ KAJE_RESULTS_MAX: '3', KAJE_RESULT_MAX_BYTES: '4', KAJE_LOG_LEVEL: 'warn' },
      ...{ KAJE_LOG_FORMAT: 'json', KAJE_ROUTES: 'mail.*=mail,*=rest', KAJE_PROCESSES: 'auto' },
    });
    expect(loadConfig(envOf(config))).to.deep.equal(config);
  });
});

describe('a variable that is read from a file', () => {
  it('is as if it had been given itself, without the end of the line, and read once', async () => {
    const env = { KAJE_URL_FILE: await fileWith('http://x\n'), KAJE_URL: '', KAJE_NAME_FILE: '' };
    readFiles(env);
    expect(env).to.deep.equal({ KAJE_URL: 'http://x', KAJE_NAME_FILE: '' });
  });

  it('is a setting or not, of a command that serves or of one that asks', async () => {
    const api = await startTestApi();
    await startTestWorker(api.config, []);
    const prefix = await fileWith(`${api.config.prefix}\n`);
    const url = await fileWith(`${api.url}\n`);
    const [overHttp, overRedis, doctor] = await Promise.all([
      runKaje(['workers', '--json'], { KAJE_URL_FILE: url }),
      runKaje(['workers', '--json', '--redis-url', api.config.redisUrl], {
        KAJE_PREFIX_FILE: prefix,
      }),
      runKaje(['doctor', '--redis-url', api.config.redisUrl], {
        ...{ KAJE_URL_FILE: url, KAJE_PREFIX_FILE: prefix },
      }),
    ]);
    for (const { output, ended } of [overHttp, overRedis]) {
      expect(await ended).to.equal(0);
      expect(JSON.parse(output()).workers).to.have.length(1);
    }
    await doctor.ended;
    expect(doctor.output()).to.contain(`${api.url} is ready`);
  });

  it('may name what a worker does', async () => {
    const tasks = await fileWith('nope/');
    const { output, ended } = runKaje(['worker'], { KAJE_TASKS_FILE: tasks });
    expect(await ended).to.equal(2);
    expect(output()).to.contain('nope/: no such file');
    const queues = await fileWith('mail:many');
    const other = runKaje(['worker', '--tasks', 'x'], { KAJE_QUEUES_FILE: queues });
    expect(await other.ended).to.equal(2);
    expect(other.output()).to.contain('got "mail:many"');
  });
});
