/** How much of the machine others took while something was measured; from /proc where there is one. */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { cpuOf, TICKS } from './cpu.ts';

/** In less, the ticks that processes are charged by are too coarse. */
const LEAST_SECONDS = 0.5;

/** Share of the machine's time, 0 to 1, that went to processes which this one has not started. */
export async function watchOthers(): Promise<() => Promise<number>> {
  const before = await others();
  const at = performance.now();
  return async () => {
    const seconds = (performance.now() - at) / 1000;
    if (seconds < LEAST_SECONDS) return 0;
    return Math.max(0, (await others()) - before) / (seconds * cpus().length);
  };
}

async function others(): Promise<number> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => undefined);
  return text === undefined ? 0 : busySeconds(text) - (await cpuOf(process.pid));
}

/** proc(5): of all processors, in programs; without interrupts, which nobody's process is charged for. */
export function busySeconds(stat: string): number {
  const [, user = 0, nice = 0, system = 0] = (stat.split('\n')[0] ?? '').split(/\s+/).map(Number);
  return (user + nice + system) / TICKS;
}
