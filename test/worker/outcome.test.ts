import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
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
    await mkdir(join(dir, 'shared'));
    for (const file of ['worker/outcome.ts', 'shared/errorText.ts'])
      await copyFile(join(ROOT, file), join(dir, file));
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

describe('an error that holds others', () => {
  const lines = (error: unknown) =>
    describeError(error)
      .traceback.split('\n')
      .filter((line) => !line.startsWith('    at '));

  it('shows each of them, with what they hold', () => {
    const cause = new RangeError('too far');
    const errors = [new TypeError('no', { cause }), 'just text'];
    expect(lines(new AggregateError(errors, 'both failed'))).to.deep.equal([
      'AggregateError: both failed',
      '[1 of 2] TypeError: no',
      'Caused by RangeError: too far',
      '[2 of 2] just text',
    ]);
  });

  it('shows of what a `using` suppressed both', () => {
    const [error, suppressed] = [new Error('close failed'), new Error('write failed')];
    const suppression = Object.assign(new Error('suppressed'), { error, suppressed });
    suppression.name = 'SuppressedError';
    expect(lines(suppression)).to.deep.equal([
      'SuppressedError: suppressed',
      'Thrown then Error: close failed',
      'Thrown before Error: write failed',
    ]);
  });

  it('says where nobody listens, at each of the addresses of localhost', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    // As Node tries the addresses of a name, whatever this machine's localhost is.
    const lookup: LookupFunction = (_host, _options, done) =>
      done(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]);
    const [error] = await once(connect({ port, host: 'localhost', lookup }), 'error');
    const { message, type } = describeError(error);
    expect(type).to.equal('AggregateError');
    expect(message).to.equal(
      `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
    );
    expect(lines(error)).to.have.length(3);
  });

  it('has a bounded text, whatever it holds', () => {
    const million = new AggregateError(new Array(1_000_000).fill(new Error('one')), 'many');
    expect(lines(million)).to.have.length(2);
    const circle = new AggregateError([], 'round');
    circle.errors.push(circle, new Error('other', { cause: circle }));
    expect(lines(circle)).to.deep.equal(['AggregateError: round', '[2 of 2] Error: other']);
    const wide = (depth: number): Error =>
      depth === 0
        ? new Error('leaf')
        : new AggregateError(
            Array.from({ length: 10 }, () => wide(depth - 1)),
            'wide',
          );
    expect(lines(wide(4)).length).to.be.within(10, 40);
  });

  it('keeps name and message of an error of another realm', () => {
    const { type, message, traceback } = describeError(
      runInNewContext('new TypeError("from afar", { cause: new Error("deep") })'),
    );
    expect([type, message]).to.deep.equal(['TypeError', 'from afar']);
    expect(traceback).to.match(/^TypeError: from afar\n.*Caused by Error: deep/s);
  });
});

describe('an error that is odd', () => {
  const odd = (fields: object) => Object.assign(new TypeError('odd'), fields);
  const table: readonly [why: string, thrown: unknown, type: string][] = [
    ['an object for its stack', odd({ stack: { frames: [] } }), 'TypeError'],
    ['a stack that throws', throwingAt('stack'), 'TypeError'],
    ['no class', Object.assign(new Error('odd'), { constructor: undefined }), 'Error'],
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
