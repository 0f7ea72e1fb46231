/** Several worker processes below one supervisor: how many, their names, and what follows an end. */
import { constants } from 'node:os';
import type { Config } from '../shared/config.ts';
import { FAILED } from './exitCodes.ts';

/** How a process ended, as Node tells it: one of the two is null. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It had said that it stops in order. */
  readonly isLeaving: boolean;
  readonly livedMs: number;
}

export interface Situation {
  /** All are to end. */
  readonly isStopping: boolean;
  /** Some process has been ready since the start of the supervisor. */
  readonly hasServed: boolean;
  /** Ends of this place's processes, one soon after the other. */
  readonly failures: number;
}

export type Next =
  | { readonly kind: 'replace'; readonly afterMs: number; readonly failures: number }
  /** Its place stays empty. The code counts for the end of the supervisor. */
  | { readonly kind: 'leave'; readonly code: number }
  /** None of them will ever start. */
  | { readonly kind: 'giveUp'; readonly code: number };

const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** One that has lived for so long is not ended by what ended those before it. */
const SETTLED_MS = 30_000;

/** What follows the end of a worker process. */
export function afterEnd(end: End, { isStopping, hasServed, failures }: Situation): Next {
  if (isStopping) return { kind: 'leave', code: wasAsked(end) ? 0 : exitCodeOf(end) };
  if (end.isLeaving) return { kind: 'leave', code: exitCodeOf(end) };
  if (!hasServed) return { kind: 'giveUp', code: exitCodeOf(end) };
  const before = end.livedMs >= SETTLED_MS ? 0 : failures;
  const afterMs = Math.min(FIRST_MS * 2 ** before, LONGEST_MS);
  return { kind: 'replace', afterMs, failures: before + 1 };
}

/** Node itself takes a moment to start: until then a process ends by the signal. */
function wasAsked({ signal }: End): boolean {
  return signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGHUP';
}

function exitCodeOf({ code, signal }: End): number {
  return signal === null ? (code ?? FAILED) : 128 + constants.signals[signal];
}

/** How a process ended, for the log. */
export function inWords({ code, signal }: End): string {
  return signal ?? `exit code ${code}`;
}

/** @param cores as many as this process may use */
export function processCount(processes: Config['processes'], cores: number): number {
  return processes === 'auto' ? cores : processes;
}

/** `x` -> x-1, x-2 ...; without a name each process makes one of its own. */
export function processNames(name: string | undefined, count: number): (string | undefined)[] {
  return Array.from({ length: count }, (_, i) => (name ? `${name}-${i + 1}` : undefined));
}
