/** Which tasks `kaje.tasks()` shows, and how that is asked. */
import { InvalidRequestError } from '../shared/errors.ts';
import { asJson } from '../shared/sendOptions.ts';
import type { TaskState } from '../shared/states.ts';
import { parseTaskQuery, type TaskQueryText } from '../shared/taskQuery.ts';

/** An absent field shows all. */
export interface TaskFilter {
  /** One state, or several. */
  readonly state?: TaskState | readonly TaskState[];
  readonly name?: string;
  readonly queue?: string;
  readonly tag?: string;
  /** Sent at this time or later. */
  readonly since?: Date;
  /** Sent before this time. */
  readonly until?: Date;
  /** Tasks read in one call, 1 to 200. Default: 50 */
  readonly pageSize?: number;
}

/** @throws InvalidRequestError for a field that is empty, or is not what it should be */
export function queryOf(filter: TaskFilter): TaskQueryText {
  const { state, name, queue, tag, since, until, pageSize } = filter;
  const all = {
    state: typeof state === 'string' ? state : state?.join(','),
    name,
    queue,
    tag,
    since: asJson(since, '/since'),
    until: asJson(until, '/until'),
    limit: pageSize === undefined ? undefined : String(pageSize),
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  refuseEmpty(given);
  const query = Object.fromEntries(given);
  // A URL would make a text of anything.
  parseTaskQuery(query);
  return query;
}

/** In a URL what is empty is not there: that would show all tasks to who has asked for none. */
function refuseEmpty(given: readonly (readonly [name: string, value: unknown])[]): void {
  const [name] = given.find(([, value]) => value === '') ?? [];
  if (name === undefined) return;
  const message = 'is empty, which no task is; leave it out to list them all';
  throw new InvalidRequestError([{ path: `/${name}`, message }]);
}
