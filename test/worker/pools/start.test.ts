import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { WorkerLostError } from '../../../shared/taskErrors.ts';
import { PermanentError } from '../../../worker/outcome.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf, KINDS, runIn, testPool } from '../../support/pool.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TASK = `
  import { defineTask } from ${JSON.stringify(new URL('../../../shared/task.ts', import.meta.url).href)};
  export const hello = defineTask('hello', { run: () => 'hello' });
  export const hold = defineTask('hold', { run: () => new Promise(() => setInterval(() => 0, 1000)) });`;

/** A task module that counts its imports, with more to do at each. */
async function moduleThat(does: (log: string) => string) {
  const folder = await mkdtemp(join(tmpdir(), 'kaje-pool-'));
  defer(() => rm(folder, { recursive: true }));
  const [file, imports] = [join(folder, 'tasks.mjs'), join(folder, 'imports')];
  await appendFile(imports, '');
  const log = JSON.stringify(imports);
  const counting = `import { appendFileSync, readFileSync } from 'node:fs'; appendFileSync(${log}, 'x');`;
  const write = (more: string) => writeFile(file, `${counting}${more}${TASK}`);
  await write(does(log));
  return { file, repair: () => write(''), count: async () => (await readFile(imports)).length };
}

for (const kind of KINDS) {
  describe(`the start of a child, kind ${kind}`, () => {
    it('fails tasks when it cannot import them, is not tried for ever, and recovers', async () => {
      const { file, repair, count } = await moduleThat(() => 'throw new Error("no licence");');
      const { pool, lines } = testPool(kind, { modules: [file] });
      for (let i = 0; i < 20; i++) {
        const error = await failureOf(runIn(pool, 'hello'));
        expect(error).to.be.instanceOf(PermanentError).and.have.property('name', 'NotRegistered');
        expect(error.message).to.match(
          new RegExp(`^A ${kind} for tasks could not import them: .*tasks\\.mjs.*no licence`),
        );
      }
      expect(await count()).to.be.at.most(2);
      expect(lines.find(({ msg }) => msg === `a ${kind} did not start`)).to.include({ level: 50 });
      await repair();
      await eventually(async () => (await runIn(pool, 'hello')) === 'hello');
    });
  });
}

describe('the start of a child', () => {
  const kind = 'thread';

  it('is made again when the child is lost before it is ready', async () => {
    const { file, count } = await moduleThat(
      (log) => `if (readFileSync(${log}).length <= 2) process.exit(9);`,
    );
    const { pool } = testPool(kind, { modules: [file] });
    expect(await runIn(pool, 'hello')).to.equal('hello');
    expect(await count()).to.equal(3);
  });

  it('is given up for a while when children are lost again and again', async () => {
    const { file, count } = await moduleThat(() => 'process.exit(9);');
    const { pool } = testPool(kind, { modules: [file] });
    const error = await failureOf(runIn(pool, 'hello'));
    expect(error).to.be.instanceOf(WorkerLostError);
    expect(error.message).to.equal(`A ${kind} for tasks did not start: exit code 9`);
    expect(await failureOf(runIn(pool, 'hello'))).to.equal(error);
    expect(await count()).to.equal(3);
  });

  it('is made again for a task that waits, though the children that are there stay busy', async () => {
    const { file, count } = await moduleThat(
      (log) => `if (readFileSync(${log}).length === 2) throw new Error('not now');`,
    );
    let max = 1;
    const { pool, lines } = testPool(kind, { modules: [file], max: () => max });
    const held = new Promise<void>((started) => {
      void failureOf(runIn(pool, 'hold', {}, { started }));
    });
    await held;
    max = 2;
    expect(await runIn(pool, 'hello')).to.equal('hello');
    expect(lines.filter(({ msg }) => msg === `a ${kind} did not start`)).to.have.length(1);
    expect([await count(), pool.busy]).to.deep.equal([3, 1]);
  });

  it('leaves tasks to the children that are there when others cannot start', async () => {
    const { file } = await moduleThat(
      (log) => `if (readFileSync(${log}).length > 1) throw new Error('only one');`,
    );
    const { pool, lines } = testPool(kind, { modules: [file], max: 2 });
    pool.start();
    await eventually(() => runIn(pool, 'hello'));
    const runs = await Promise.all([1, 2, 3].map(() => runIn(pool, 'hello')));
    expect(runs).to.deep.equal(['hello', 'hello', 'hello']);
    await eventually(() => lines.find(({ msg }) => msg === `a ${kind} did not start`));
  });
});

describe('a child of the built worker', () => {
  let build: string;

  before(async () => {
    build = await mkdtemp(join(tmpdir(), 'kaje-build-'));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', join(build, 'dist')];
    // Types have a check of their own; what is built is built all the same.
    await promisify(execFile)(process.execPath, args, { cwd: ROOT }).catch(() => undefined);
    await symlink(join(ROOT, 'node_modules'), join(build, 'node_modules'));
    await writeFile(join(build, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(build, 'tasks.ts'),
      `import { defineTask } from './dist/shared/task.js';
       export enum Mood { good = 'good' }
       export const mood = defineTask('mood', { run: (): Mood => Mood.good });
       export const fail = defineTask('fail', { run() { throw new Error('here'); } });`,
    );
    await writeFile(
      join(build, 'main.js'),
      `import { createPool } from './dist/worker/pools/pool.js';
       import { describeError } from './dist/worker/outcome.js';
       const modules = [${JSON.stringify(join(build, 'tasks.ts'))}];
       const log = { debug() {}, warn: console.error, error: console.error };
       const limits = { max: 1, maxTasksPerChild: 0, maxMemoryPerChild: 0 };
       const pool = createPool({ kind: process.argv[2], modules, log, ...limits });
       const { signal } = new AbortController();
       const run = (name) => pool.run({ name, input: {}, ctx: { signal }, kill: signal });
       console.log(await run('mood'));
       console.log(await run('fail').catch((error) => describeError(error).traceback));
       await pool.stop();`,
    );
  });

  after(() => rm(build, { recursive: true }));

  for (const kind of KINDS) {
    it(`runs tasks in TypeScript, and ends: ${kind}`, async () => {
      const args = [join(build, 'main.js'), kind];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
      expect(stderr).to.equal('');
      const [value, head, frame, ...rest] = stdout.trim().split('\n');
      expect([value, head]).to.deep.equal(['good', 'Error: here']);
      expect(frame).to.match(/^ {4}at \S+ \(.*tasks\.ts:4:\d+\)$/);
      expect(rest).to.deep.equal([]);
    });
  }
});
