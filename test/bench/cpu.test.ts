import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { cpuOf, cpuOfTree, parseStat } from '../../bench/harness/cpu.ts';
import { busySeconds } from '../../bench/harness/disturbance.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';

describe('processor time as /proc tells it', () => {
  it('reads a process whose name has blanks and brackets', () => {
    const counts = '2 3 4 5 6 7 8 9 120 30 5 5 20 0 1';
    const text = `42 (my (odd) name) S 7 1 ${counts}`;
    expect(parseStat(text)).to.deep.equal({ pid: 42, parent: 7, seconds: 1.6 });
  });

  it('adds up a process, its children and theirs, and nobody else', () => {
    const all = [
      { pid: 1, parent: 0, seconds: 100 },
      { pid: 2, parent: 1, seconds: 1 },
      { pid: 3, parent: 2, seconds: 2 },
      { pid: 4, parent: 3, seconds: 4 },
      { pid: 5, parent: 1, seconds: 8 },
    ];
    expect(cpuOfTree(2, all)).to.equal(7);
    expect(cpuOfTree(9, all)).to.equal(0);
  });

  it('leaves idle time, interrupts and what other machines took out of what was busy', () => {
    const stat = 'cpu  100 20 30 5000 60 7 8 9 0 0\ncpu0 50 10 15 2500 30 3 4 5 0 0\n';
    expect(busySeconds(stat)).to.equal(1.5);
  });

  it('sees what a child of a child burns, or nothing where there is no /proc', async () => {
    const burn = 'for (;;);';
    const parent = `require('node:child_process').spawn(process.execPath, ['-e', "${burn}"])`;
    const child = spawn(process.execPath, ['-e', parent], { detached: true });
    defer(() => process.kill(-(child.pid ?? 0), 'SIGKILL'));
    const burnt = () => cpuOf(child.pid ?? 0);
    if (process.platform === 'linux') await eventually(async () => (await burnt()) > 0.5);
    else expect(await burnt()).to.equal(0);
  });
});
