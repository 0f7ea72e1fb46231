/** Which tasks `kaje.tasks()` shows, and how that is asked. */
import type { TaskState } from '../shared/states.ts';
import type { TaskQueryText } from '../shared/taskQuery.ts';

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

export function queryOf(filter: TaskFilter): TaskQueryText {
  const { state, name, queue, tag, since, until, pageSize } = filter;
  const all = {
    state: typeof state === 'string' ? state : state?.join(','),
    name,
    queue,
    tag,
    since: since?.toISOString(),
    until: until?.toISOString(),
    limit: pageSize?.toString(),
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}
