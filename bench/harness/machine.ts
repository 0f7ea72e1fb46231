/** What it was measured on. */
import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { ROOT } from './places.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly redis: string;
  /** Processes that wanted to run in the minute before: above 0, something else was going on. */
  readonly load: number;
  /** ISO 8601. */
  readonly date: string;
  /** With `+` where files differ from it; empty where there is no git. */
  readonly commit: string;
}

export async function describeMachine(redis: string): Promise<Machine> {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    redis,
    load: Number(loadavg()[0]?.toFixed(2)),
    date: new Date().toISOString(),
    commit: await commit(),
  };
}

async function commit(): Promise<string> {
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: ROOT });
  try {
    const { stdout: id } = await git('rev-parse', '--short', 'HEAD');
    const { stdout: changes } = await git('status', '--porcelain', '--untracked-files=no');
    return id.trim() + (changes === '' ? '' : '+');
  } catch {
    return '';
  }
}

export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGb, system, node, redis, load, date, commit } = machine;
  const when = `${date.slice(0, 16).replace('T', ' ')} UTC`;
  return [
    `${when}, commit ${commit || 'unknown'}`,
    `${cores} cores of ${cpu}, ${memoryGb} GB, ${system}`,
    `Node ${node}, Redis ${redis}, load before ${load}`,
  ].join('; ');
}
