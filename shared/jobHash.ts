/** A job of BullMQ as Redis holds it: the fields that make up a task's record. */

/** Where a task is found. */
export type Place = 'finished' | 'active' | 'delayed' | 'waiting';

/** One task as readTasks.lua returns it. */
export type FoundTask = readonly [
  queueIndex: number,
  place: Place,
  dueMs: string,
  values: readonly (string | null)[],
  /** Seconds that results of the queue are kept, '' where its workers have not said it. */
  keptS: string,
];

/** In the order in which they are asked for. `deferred`, `children` and `logs` are ours. */
export const FIELDS = [
  'name',
  'data',
  'timestamp',
  'processedOn',
  'finishedOn',
  'ats',
  'atm',
  'progress',
  'pb',
  'returnvalue',
  'failedReason',
  'stacktrace',
  'defa',
  'deferred',
  'children',
  'logs',
] as const;

export type JobHash = Readonly<Record<(typeof FIELDS)[number], string | null>>;

export function jobHashOf(values: readonly (string | null)[]): JobHash {
  // Every field of FIELDS is set just here.
  return Object.fromEntries(FIELDS.map((field, i) => [field, values[i] ?? null])) as JobHash;
}

export function parseJson(json: string | null): unknown {
  if (json === null) return null;
  try {
    return JSON.parse(json);
  } catch {
    // Written by another program; shown as the text that it is.
    return json;
  }
}

export function isoTime(ms: string | number | null | undefined): string | null {
  if (ms === null || ms === undefined || ms === '') return null;
  const date = new Date(Number(ms));
  // The data of other producers may hold anything; one such task must not spoil a read of many.
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
