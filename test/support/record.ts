/** A task as the script finds it in Redis, for tests of how records are read. */
import { FIELDS, type FoundTask, type Place } from '../../shared/jobHash.ts';

export type StoredHash = Partial<Record<(typeof FIELDS)[number], unknown>>;

/** Stored at 1000 as `add` with one argument; `hash` adds to it. Objects are written as JSON. */
export function foundTask(place: Place, hash: StoredHash = {}, dueMs = '', keptS = ''): FoundTask {
  const all: StoredHash = { name: 'add', data: { kwargs: { a: 1 } }, timestamp: 1000, ...hash };
  const values = FIELDS.map((field) => {
    const value = all[field];
    if (value === undefined) return null;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  });
  return [1, place, dueMs, values, keptS];
}
