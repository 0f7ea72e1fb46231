/** Which test files failed, which are unsteady, and that nothing else is called so. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { defer } from '../support/defer.ts';
import { type Phase, runPhases } from '../support/phases.ts';

const file = (name: string) => `test/fixtures/suite/${name}.ts`;
const files = (...names: string[]) => names.map(file);

async function run(phases: readonly Phase[], { again = true, silenceMs = 60_000 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'kaje-suite-'));
  defer(() => rm(folder, { recursive: true }));
  const lines: string[] = [];
  const report = await runPhases(phases, {
    args: [],
    again,
    silenceMs,
    env: { ...process.env, SUITE_MARK: join(folder, 'mark') },
    stdio: 'ignore',
    signal: new AbortController().signal,
    log: (line) => lines.push(line.trim()),
  });
  return { ...report, lines };
}

describe('test files that failed', () => {
  it('run once more, alone: what passes then is unsteady, what fails again has failed', async () => {
    const names = ['broken', 'dies', 'fails', 'hook', 'passes', 'unsteady'];
    const { lines, ...report } = await run([{ jobs: 3, files: files(...names) }]);
    const failing = files('broken', 'dies', 'fails', 'hook');
    expect(report.failing).to.have.members(failing);
    expect(report.unsteady).to.deep.equal([file('unsteady')]);
    // Passed: one of "dies" and "fails" each, two of "passes", that of "unsteady", and that of "hook".
    expect(report).to.include({ passed: 6, failed: 4 });
    expect(lines).to.have.members(
      [...failing, file('unsteady')].map((name) => `Once more, alone: ${name}`),
    );
  });

  it('run once only where nothing else is asked, and the phases after them run all the same', async () => {
    const report = await run([{ files: files('unsteady') }, { files: files('passes') }], {
      again: false,
    });
    expect(report).to.deep.equal({
      passed: 2,
      failed: 1,
      failing: [file('unsteady')],
      unsteady: [],
      lines: [],
    });
  });

  it('are also those behind one that ends the process of all', async () => {
    const names = ['passes', 'dies', 'unsteady', 'fails'];
    const report = await run([{ files: files(...names) }], { again: false });
    expect(report.failing).to.have.members(files('dies', 'unsteady', 'fails'));
    expect(report).to.include({ passed: 3, failed: 3 });
  });
});

describe('a test file that never ends', () => {
  it('is killed and has failed; those beside it have not', async () => {
    const { lines, ...report } = await run([{ jobs: 2, files: files('hangs', 'passes') }], {
      again: false,
      silenceMs: 25_000,
    });
    expect(lines).to.deep.equal(['No test has ended for 25 s: mocha is killed']);
    expect(report).to.deep.equal({
      passed: 2,
      failed: 1,
      failing: [file('hangs')],
      unsteady: [],
    });
  });

  it('has failed as well where all its tests have passed', async () => {
    const report = await run([{ files: files('lingers') }], { again: false, silenceMs: 10_000 });
    expect(report.failing).to.deep.equal([file('lingers')]);
  });
});
