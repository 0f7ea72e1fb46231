/**
 * The script that files many tasks at once (shared/lua/finishTasks.lua). It stands on BullMQ's own
 * functions, taken from the text of its moveToFinished, so that what both do is the same by construction.
 */
import { readFileSync } from 'node:fs';
import { URGENT_FIRST } from './fetchOrder.ts';

/** Where BullMQ's functions end and its work on one job begins. */
const BODY = 'local jobIdKey = KEYS[12]';

/** Whether this is the moveToFinished that we know. */
export function isKnown(moveToFinished: string): boolean {
  return moveToFinished.split(BODY).length === 2;
}

/** The text of the script. */
export function finishScript(moveToFinished: string): string {
  const [functions = ''] = moveToFinished.split(BODY);
  const ours = new URL('../shared/lua/finishTasks.lua', import.meta.url);
  return URGENT_FIRST.lua + functions + readFileSync(ours, 'utf8');
}
