/** Processes that are told to end while they start. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { FIXTURES, runKaje } from '../support/worker.ts';

/** Loaded before the command: sends SIGTERM as soon as somebody listens for it. */
const AT_FIRST_HANDLER = `data:text/javascript,${encodeURIComponent(`
  process.on('newListener', (name) => {
    if (name === 'SIGTERM') setImmediate(() => process.kill(process.pid, 'SIGTERM'));
  });`)}`;

const settings = () => {
  const { redisUrl, prefix } = testConfig();
  return { KAJE_REDIS_URL: redisUrl, KAJE_PREFIX: prefix, KAJE_PORT: '0', KAJE_LOG_FORMAT: 'json' };
};

/** A task module that says so when it is imported, and then takes its time. */
async function slowModule(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kaje-slow-'));
  defer(() => rm(folder, { recursive: true }));
  const file = join(folder, 'slow.mjs');
  await writeFile(
    file,
    `console.log('importing'); await new Promise((ok) => setTimeout(ok, 60_000));`,
  );
  return file;
}

describe('SIGTERM to a process that starts', () => {
  const commands = [['api'], ['worker', '--tasks', FIXTURES], ['start', '--tasks', FIXTURES]];
  for (const args of commands) {
    it(`ends kaje ${args[0]} from its first line on, before it has begun anything`, async () => {
      const env = { ...settings(), NODE_OPTIONS: `--import ${AT_FIRST_HANDLER}` };
      const { ended, output } = runKaje(args, env);
      expect(await ended, output()).to.equal(0);
      expect(output()).to.equal('');
    });
  }

  for (const count of ['1', '2']) {
    it(`ends a worker of ${count} that imports its tasks`, async () => {
      const args = ['worker', '--processes', count, '--tasks', await slowModule()];
      const { child, ended, output } = runKaje(args, settings());
      await eventually(() => output().includes('importing'));
      child.kill('SIGTERM');
      expect(await ended, output()).to.equal(0);
    });
  }
});
