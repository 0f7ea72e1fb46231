/** The package as a user gets it: built, installed into another project, run by plain Node. */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Kaje } from '../../client/index.ts';
import { defer } from '../support/defer.ts';
import { testConfig } from '../support/redis.ts';
import { runKaje } from '../support/worker.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

const TASK = (name: string, type = '') => `
  import { defineTask } from 'kaje';
  export const task = defineTask('${name}', { run: ({ x }${type}) => [import.meta.url, x * 2] });`;

const PROGRAM = `
  import { z } from 'zod';
  import { defineTask, Kaje, type AsyncResult, type TaskContext } from 'kaje';
  export const double = defineTask('double', {
    input: z.object({ x: z.number() }),
    run: ({ x }, ctx: TaskContext) => x * 2 + ctx.retries,
  });
  export async function main(): Promise<number> {
    const kaje = new Kaje<{ double: typeof double }>({ url: 'http://127.0.0.1:8000' });
    const result: AsyncResult<number> = await kaje.sendTask('double', { x: 1 });
    return result.get();
  }`;

describe('the package', () => {
  let project: string;

  before(async function () {
    this;
    await run(process.execPath, ['scripts/build.mjs'], { cwd: ROOT });
    project = await mkdtemp(join(tmpdir(), 'kaje-project-'));
    await mkdir(join(project, 'node_modules/@types'), { recursive: true });
    await symlink(ROOT, join(project, 'node_modules/kaje'));
    for (const name of ['zod', '@types/node'])
      await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    await mkdir(join(project, 'tasks'));
    await writeFile(join(project, 'tasks/one.js'), TASK('one'));
    await writeFile(join(project, 'tasks/two.mjs'), TASK('two'));
    await writeFile(join(project, 'tasks/three.ts'), TASK('three', ': { x: number }'));
  });

  after(() => rm(project, { recursive: true }));

  it('runs under plain Node', async () => {
    const code = `
      import { defineTask, Kaje, TaskFailedError } from 'kaje';
      const { name } = defineTask('t', { run: () => 1 });
      console.log(name, typeof Kaje, new TaskFailedError('i', { type: 'T', message: '', traceback: '' }).name);`;
    const args = ['--input-type=module', '-e', code];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: project });
    expect(stdout).to.equal('t function T\n');
    expect(stderr).to.equal('');
  });

  it('shows nothing but its public names', async () => {
    const code = `import('kaje/client/kaje.ts').catch((error) => console.log(error.code));`;
    const { stdout } = await run(process.execPath, ['-e', code], { cwd: project });
    expect(stdout).to.equal('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });

  it('tells compilers that know no "exports" where it is, as it tells the others', async () => {
    const { main, types, exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    // TypeScript with "moduleResolution": "node", as Nest 10 and most older projects have it.
    expect({ types, default: main }).to.deep.equal(exports['.']);
  });

  it('type-checks in a strict project that checks libraries too', async () => {
    await writeFile(join(project, 'program.ts'), PROGRAM);
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--noEmit'];
    const all = [...options, '--skipLibCheck', 'false', '--types', 'node', 'program.ts'];
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const checked = run(process.execPath, [tsc, ...all], { cwd: project });
    expect(await checked.catch(({ stdout }) => stdout)).to.deep.equal({ stdout: '', stderr: '' });
  });

  it('has a command that tells its version', async () => {
    const main = 'node_modules/kaje/dist/cli/main.js';
    const { stdout } = await run(process.execPath, [main, '--version'], { cwd: project });
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  it('runs tasks of .js, .mjs and .ts modules that import it by its name', async () => {
    const config = testConfig();
    await startWorker(project, config);
    const kaje = new Kaje({ redis: config.redisUrl, prefix: config.prefix });
    defer(() => kaje.close());
    for (const [name, file] of [
      ['one', /one\.js$/],
      ['two', /two\.mjs$/],
      ['three', /three\.ts$/],
    ] as const) {
      const result = await (await kaje.sendTask(name, { x: 21 })).get({ timeout: 20 });
      expect(result).to.have.property('1', 42);
      expect(result).to.have.property('0').that.matches(file);
    }
  });

  it('runs tasks of a CommonJS project too, in TypeScript and in JavaScript', async () => {
    const config = testConfig();
    await mkdir(join(project, 'cjs'), { recursive: true });
    await writeFile(join(project, 'cjs/package.json'), '{ "type": "commonjs" }');
    await writeFile(
      join(project, 'cjs/four.ts'),
      TASK('four', ': { x: number }').replace('import.meta.url', '__filename'),
    );
    const plain = `exports.task = require('kaje').defineTask('five', { run: ({ x }) => [__filename, x * 2] });`;
    await writeFile(join(project, 'cjs/five.js'), plain);
    await startWorker(project, config, 'cjs');
    const kaje = new Kaje({ redis: config.redisUrl, prefix: config.prefix });
    defer(() => kaje.close());
    for (const name of ['four', 'five']) {
      const result = await (await kaje.sendTask(name, { x: 21 })).get({ timeout: 20 });
      expect(result).to.have.property('1', 42);
    }
  });

  it('knows tasks that were defined by another copy of it', async () => {
    const { redisUrl, prefix } = testConfig();
    const env = { KAJE_REDIS_URL: redisUrl, KAJE_PREFIX: prefix };
    const worker = runKaje(['worker', '--tasks', join(project, 'tasks/one.js')], env);
    await once(worker.child, 'message');
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    expect(worker.output()).to.include('"tasks":"one"');
  });

  it('ships what runs and what explains it, and nothing else', async () => {
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const { stdout } = await run('npm', args, { cwd: ROOT });
    const [{ files }]: [{ files: { path: string }[] }] = JSON.parse(stdout);
    const paths = files.map(({ path }) => path);
    expect(paths.filter((path) => !path.startsWith('dist/')).sort()).to.deep.equal([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    const dist = paths.filter((path) => path.startsWith('dist/'));
    const folders = new Set(dist.map((path) => path.split('/')[1]));
    expect([...folders].sort()).to.deep.equal([
      'api',
      'cli',
      'client',
      'shared',
      'tasks',
      'worker',
    ]);
    expect(dist).to.include.members(['dist/client/index.js', 'dist/client/index.d.ts']);
    expect(dist.filter((path) => !/\.(js|d\.ts|js\.map|lua)$/.test(path))).to.deep.equal([]);
    expect(dist).to.include('dist/shared/lua/readTasks.lua');
  });
});

async function startWorker(
  cwd: string,
  { redisUrl, prefix }: { redisUrl: string; prefix: string },
  tasks = 'tasks',
): Promise<void> {
  const main = join(cwd, 'node_modules/kaje/dist/cli/main.js');
  const worker: ChildProcess = fork(main, ['worker', '--tasks', tasks], {
    cwd,
    env: { ...process.env, KAJE_REDIS_URL: redisUrl, KAJE_PREFIX: prefix },
    execArgv: [],
    silent: true,
  });
  let said = '';
  worker.stderr?.on('data', (text) => (said += text));
  const ended = once(worker, 'exit').then(() => {
    throw new Error(`The worker has ended:\n${said}`);
  });
  ended.catch(() => undefined);
  defer(() => worker.kill('SIGKILL'));
  await Promise.race([once(worker, 'message'), ended]);
}
