/** When a failed run is tried again, and how much later. */
import { isError } from './errorText.ts';

export type ErrorClass = abstract new (...args: never[]) => Error;

export interface RetryOptions {
  /** Retries after the first run. Default: 3. */
  readonly max?: number;
  /** Seconds before the first retry. Default: 1. */
  readonly delay?: number;
  /** Factor by which each delay exceeds the one before. Default: 2. */
  readonly backoff?: number;
  /** Longest delay in seconds. Default: 600, as Celery's retry_backoff_max. */
  readonly maxDelay?: number;
  /** Full jitter: a random delay between 0 and the computed one, so that a crowd spreads. Default: true. */
  readonly jitter?: boolean;
  /** Only errors of these classes are retried. Default: all. Celery: autoretry_for. */
  readonly on?: readonly ErrorClass[];
  /** Errors of these classes are never retried. Default: none. Celery: dont_autoretry_for. */
  readonly except?: readonly ErrorClass[];
}

export type RetryPolicy = Required<RetryOptions>;

export const DEFAULT_RETRY: RetryPolicy = {
  max: 3,
  delay: 1,
  backoff: 2,
  maxDelay: 600,
  jitter: true,
  on: [],
  except: [],
};

/** Whether the error is of a kind that another run may cure. */
export function isRetryable(error: unknown, policy: Pick<RetryPolicy, 'on' | 'except'>): boolean {
  const lineage = lineageOf(error);
  const isA = (kind: ErrorClass) => error instanceof kind || lineage.includes(kind.name);
  if (policy.except.some(isA)) return false;
  return policy.on.length === 0 || policy.on.some(isA);
}

const lineages = new WeakMap<object, readonly string[]>();

/**
 * Says of an error that came from another process, where its classes are not ours, what it is:
 * the names of its class and of those above it. `on` and `except` go by them.
 */
export function setLineage(error: Error, classes: readonly string[]): void {
  // A class without a name is like no other.
  lineages.set(error, classes.filter(Boolean));
}

function lineageOf(error: unknown): readonly string[] {
  if (!isError(error)) return [];
  // The classes of another realm are not ours either.
  return lineages.get(error) ?? (error instanceof Error ? [] : classNames(error));
}

const LINEAGE_MAX = 20;

/** Names of an error's class and of those above it. */
export function classNames(error: Error): string[] {
  const names: string[] = [];
  let prototype: object | null = Object.getPrototypeOf(error);
  while (prototype && prototype !== Object.prototype && names.length < LINEAGE_MAX) {
    // A class may have a static method of this name, and another realm's Object is not ours.
    names.push(String(prototype.constructor?.name));
    prototype = Object.getPrototypeOf(prototype);
  }
  return names;
}

/**
 * Milliseconds until retry number `retries + 1`.
 * @param retries retries made so far, 0 after the first run
 * @param random 0 <= random < 1, injected so that tests can aim
 */
export function retryDelayMs(retries: number, policy: RetryPolicy, random = Math.random): number {
  // Bounded, for 0 times Infinity is no number.
  const grown = policy.delay * Math.min(policy.backoff ** retries, Number.MAX_VALUE);
  const seconds = Math.min(grown, policy.maxDelay) * (policy.jitter ? random() : 1);
  // Never 0: BullMQ's immediate retry does not fetch the next task in the same call.
  return Math.max(1, Math.round(seconds * 1000));
}
