/** A log whose lines a test can read. */
import { pino } from 'pino';
import type { Log } from '../../shared/log.ts';

// any: lines hold whatever was logged; tests fail by themselves where it is not what they expect.
export type Line = Record<string, any>;

export function collectLog(level = 'debug'): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const log = pino({ level, base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}
