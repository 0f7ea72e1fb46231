import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Report } from '../../bench/harness/results.ts';
import { defer } from '../support/defer.ts';

const RUN = fileURLToPath(new URL('../../bench/run.ts', import.meta.url));
const bench = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', RUN, ...args]);

describe('npm run bench', function () {
  this;

  it('measures Kaje beside BullMQ, prints a table and writes all three kinds of files', async () => {
    const out = await mkdtemp(join(tmpdir(), 'kaje-bench-test-'));
    defer(() => rm(out, { recursive: true, force: true }));
    const size = ['--scale', '0.05', '--rounds', '2'];
    const chosen = ['--only', 'drain', '--peers', 'kaje,bullmq'];
    const { stdout, stderr } = await bench(...chosen, ...size, '--out', out);
    expect(stdout).to.match(/^\| Kaje \| [\d,]+ \([\d,]+-[\d,]+\) .*1\.00 x \|$/m);
    expect(stderr).to.include('drain 2/2: BullMQ');

    const files = await readdir(out);
    expect(files.map((name) => name.replace(/^[\dT-]+-\w+(-changed)?/, '*')).sort()).to.deep.equal([
      '*-drain.svg',
      '*.json',
      '*.md',
    ]);
    const json = files.find((name) => name.endsWith('.json')) ?? '';
    const report: Report = JSON.parse(await readFile(join(out, json), 'utf8'));
    expect(report).to.deep.include({ rounds: 2, scale: 0.05, missing: [] });
    const [drain] = report.results;
    expect(drain?.rows.map(({ name, failure }) => [name, failure])).to.deep.equal([
      ['Kaje', undefined],
      ['BullMQ', undefined],
    ]);
    for (const { values } of drain?.rows ?? []) {
      expect(values.rate?.all).to.have.length(2);
      expect(values.rate?.min).to.be.above(0);
      expect(values.tasks?.median).to.equal(5000);
    }
  });

  it('names the scenarios and the peers, and whether they are installed', async () => {
    const { stdout } = await bench('--list');
    expect(stdout).to.match(/^ {2}drain .*no-op tasks/m);
    expect(stdout).to.match(/^ {2}bullmq +\d+\.\d+\.\d+$/m);
    expect(stdout).to.match(/^ {2}rq +(\d+\.\d+|not installed: apt-get install)/m);
  });

  it('ends with 1 and says what is wrong for a scenario that does not exist', async () => {
    const failure = await bench('--only', 'drian', '--peers', 'bullmq').catch((error) => error);
    expect(failure).to.include({ code: 1 });
    expect(failure.stderr).to.match(/Expected one of drain, .*got drian/);
  });
});
