import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { describeError } from '../../worker/outcome.ts';
import { defer } from '../support/defer.ts';
import { throwingAt, UNREADABLE } from '../support/unreadable.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const TASK = `
  import { describeError } from './worker/outcome.ts';
  import { runTask } from './worker/steps/runTask.ts';
  function send() {
    throw new TypeError('no');
  }
  try {
    runTask(send);
  } catch (error) {
    console.log(describeError(error).traceback);
  }`;

describe('the traceback of an error', () => {
  it("ends where the worker's own frames begin, also in a folder whose name holds a space", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kaje traces-'));
    defer(() => rm(dir, { recursive: true }));
    await mkdir(join(dir, 'worker/steps'), { recursive: true });
    await writeFile(join(dir, 'package.json'), '{"type":"module"}');
    await copyFile(join(ROOT, 'worker/outcome.ts'), join(dir, 'worker/outcome.ts'));
    await writeFile(join(dir, 'worker/steps/runTask.ts'), 'export const runTask = (run) => run();');
    await writeFile(join(dir, 'task.ts'), TASK);
    const args = ['--import', 'tsx', join(dir, 'task.ts')];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    const [first, ...frames] = stdout.trim().split('\n');
    expect(first).to.equal('TypeError: no');
    expect(frames).to.have.length(1);
    expect(frames[0]).to.match(/^ {4}at send \(.*task\.ts:5:\d+\)$/);
  });
});

describe('an error that is odd', () => {
  const odd = (fields: object) => Object.assign(new TypeError('odd'), fields);
  const table: readonly [why: string, thrown: unknown, type: string][] = [
    ['an object for its stack', odd({ stack: { frames: [] } }), 'TypeError'],
    ['a stack that throws', throwingAt('stack'), 'TypeError'],
    ['no stack', odd({ stack: undefined }), 'TypeError'],
    ['a symbol for its name', odd({ name: Symbol('n') }), 'Error'],
    ['a number for its name', odd({ name: 5 }), 'Error'],
  ];
  for (const [why, thrown, type] of table) {
    it(`keeps its message when it has ${why}`, () => {
      const { traceback, ...rest } = describeError(thrown);
      expect(rest).to.deep.equal({ type, message: 'odd' });
      expect(traceback).to.match(new RegExp(`^${type}: odd`));
    });
  }

  for (const [why, thrown, reason] of UNREADABLE) {
    it(`is said to be so when it ${why}`, () => {
      const { type, message, traceback } = describeError(thrown);
      expect(message)
        .to.match(/^An error that cannot be read: /)
        .and.match(reason);
      expect({ type, traceback }).to.deep.equal({ type: 'Error', traceback: `Error: ${message}` });
    });
  }
});
