/** Processor time of a process and all its children, from /proc where there is one. */
import { readdir, readFile } from 'node:fs/promises';

/** Of a second: Linux counts so for everybody, whatever its own ticks are. */
export const TICKS = 100;

interface Usage {
  readonly pid: number;
  readonly parent: number;
  /** With that of its children that have ended. */
  readonly seconds: number;
}

/** Seconds; 0 where there is no /proc. */
export async function cpuOf(pid: number): Promise<number> {
  const names = await readdir('/proc').catch(() => []);
  const all = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(usage));
  return cpuOfTree(
    pid,
    all.flatMap((each) => each ?? []),
  );
}

export function cpuOfTree(pid: number, all: readonly Usage[]): number {
  const own = all.find((each) => each.pid === pid)?.seconds ?? 0;
  const children = all.filter(({ parent }) => parent === pid);
  return children.reduce((sum, child) => sum + cpuOfTree(child.pid, all), own);
}

async function usage(pid: string): Promise<Usage | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseStat(text);
}

/** proc(5): the name, in brackets, may hold blanks and brackets. */
export function parseStat(text: string): Usage {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime, cstime: 14 to 17 of proc(5), which counts from 1 and the pid.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), seconds: ticks / TICKS };
}
