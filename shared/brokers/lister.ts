/**
 * Lists tasks, newest first: by their end, those that run by their start, the others by their send.
 * There is no index of all tasks (it would cost every send); lua/listTasks.lua walks BullMQ's lists
 * and sorted sets. A call looks at a bounded number of tasks, so a page may hold few or none and
 * have a next one all the same.
 *
 * A cursor says for each list and set which task was the last one looked at. So a task that stays
 * where it is comes once, whatever comes and goes around it; one that moves while somebody turns
 * the pages, from waiting to running or to its end, may come twice or not at all. Each page is
 * sorted; over pages the order holds but where BullMQ keeps no order of time: tasks due later come
 * by when they are due, and results with a lifetime of their own by the end of it (decision 006).
 */
import type { Redis } from 'ioredis';
import type { Clock, TaskQuery } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { answered } from '../redis.ts';
import type { TaskRecord } from '../results.ts';
import type { AsyncResultBody, TaskListBody } from '../schemas.ts';
import { type Place, type WalkAnswer, walkTasks } from '../scripts.ts';
import { type Cursor, cursorText, type Places, parseCursor } from './cursor.ts';

export interface ListerOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  queueNames(): Promise<readonly string[]>;
  readIn(queue: string, ids: readonly string[]): Promise<(TaskRecord | null)[]>;
  readonly clock: Pick<Clock, 'read'>;
}

/** Tasks looked at in one call. */
const EXAMINE = 1000;
/** Bytes of the records that one call reads: values and inputs may be large. */
const BYTES = 4 * 1024 * 1024;
/** Records read together, until the page is full. */
const READ_AT_ONCE = 100;

/** Scores of BullMQ's prioritized set are priority * 2^32 + a counter: in order of time in each priority. */
const PRIORITY = 2 ** 32;
const PRIORITIES = 10;

/** Where tasks may be: a list or a set of each queue, or a part of one. */
interface Kind {
  readonly name: string;
  readonly set: string;
  readonly isList?: boolean;
  readonly isQueue?: boolean;
  readonly isLost?: boolean;
  readonly time?: string;
  readonly has?: readonly string[];
  readonly text?: string;
  readonly above?: number;
  readonly upTo?: number;
}

/** A task that the walk has found. */
type Found = WalkAnswer[0][number];

export function createLister({ redis, keys, queueNames, readIn, clock }: ListerOptions) {
  const readAll = async (queues: readonly string[], found: readonly Found[]) => {
    const records = found.map((): AsyncResultBody | undefined => undefined);
    const reads = queues.map(async (queue, q) => {
      // Lua counts from 1.
      const places = [...found.keys()].filter((i) => found[i]?.[0] === q + 1);
      const ids = places.map((i) => found[i]?.[3] ?? '');
      const read = ids.length > 0 ? await readIn(queue, ids) : [];
      for (const [n, i] of places.entries()) records[i] = read[n]?.result;
    });
    await Promise.all(reads);
    return records;
  };

  /** Reads what was found until the page is full; says how many were read for it. */
  const fill = async (
    page: Map<string, AsyncResultBody>,
    queues: readonly string[],
    found: readonly Found[],
    query: TaskQuery,
  ): Promise<number> => {
    let looked = 0;
    while (looked < found.length) {
      for (const result of await readAll(queues, found.slice(looked, looked + READ_AT_ONCE))) {
        looked++;
        // One that moves may be met twice.
        if (result && fits(result, query)) page.set(result.task_id, result);
        if (page.size === query.limit) return looked;
      }
    }
    return looked;
  };

  return async function list(query: TaskQuery): Promise<TaskListBody> {
    const { now: start, places } = query.cursor
      ? parseCursor(query.cursor)
      : startAt((await clock.read()).latest);
    const known = await queueNames();
    const queues = known.filter((name) => query.queue === undefined || query.queue === name);
    const kinds = kindsFor(query.states, start);
    const bases = queues.map(keys.queueBase);
    const page = new Map<string, AsyncResultBody>();
    const left = { examine: EXAMINE, bytes: BYTES };
    let next: Places | undefined = places;
    const isFull = () => page.size === query.limit || left.examine <= 0 || left.bytes <= 0;
    // What is found is mostly wanted; where it is not, the second walk goes far.
    for (let want = query.limit; next && !isFull(); want = EXAMINE) {
      const at = queues.map((name) => next?.get(name) ?? {});
      const walk = { kinds, places: at, want, ...left, ...hintsOf(query) };
      const [found, ends, examined, bytes, isDone] = await answered(
        redis,
        walkTasks(redis, bases, walk),
      );
      const looked = await fill(page, queues, found, query);
      const isCut = looked < found.length;
      const steps = isCut ? found.slice(0, looked) : ends;
      next = isDone && !isCut ? undefined : advanced(next, steps, { queues, kinds });
      left.examine -= examined;
      left.bytes -= bytes;
    }
    return {
      tasks: [...page.values()].sort(newestFirst),
      next_cursor: next ? cursorText({ now: start, places: next }) : null,
    };
  };
}

function startAt(now: number): Cursor {
  return { now, places: new Map() };
}

/** What is known of a task before it is read. */
function hintsOf({ name, tag, since, until }: TaskQuery) {
  return {
    name,
    since,
    before: until,
    tag: tag === undefined ? undefined : JSON.stringify(tag),
  };
}

/** Where tasks of these states may be. */
function kindsFor(states: readonly string[] | undefined, start: number): Kind[] {
  if (!states) return kindsAt(start);
  const sets = new Set(states.flatMap(setsOf));
  return kindsAt(start)
    .filter(({ set }) => sets.has(set))
    .map((kind) => ({ ...kind, ...signsOf(kind.set, states) }));
}

type Signs = Pick<Kind, 'has' | 'text' | 'isLost'>;

/** What a task of a set has that may be in one of these states; which one it is, its record says. */
function signsOf(set: string, states: readonly string[]): Signs {
  if (set === 'active') return states.some(isRunning) ? {} : { isLost: true };
  return WAITING.includes(set) && !states.includes('PENDING') ? signsOfWaiting(states) : {};
}

/** Attempts made, the mark of a revocation, an end to its time: few of many have it. */
function signsOfWaiting(states: readonly string[]): Signs {
  const isRetry = states.includes('RETRY');
  const isRevoked = states.includes('REVOKED');
  const has = [...(isRetry ? ['atm'] : []), ...(isRevoked ? ['defa'] : [])];
  return isRevoked ? { has, text: '"expires":' } : { has };
}

const WAITING = ['wait', 'prioritized', 'delayed'];

/** What was lost with its worker stays active, and what was marked stays where it is, until a worker comes upon it. */
const SETS: ReadonlyMap<string, readonly string[]> = new Map([
  ['PENDING', [...WAITING, 'active']],
  ['RETRY', [...WAITING, 'active']],
  ['REVOKED', [...WAITING, 'active', 'failed']],
  ['FAILURE', ['failed']],
  ['SUCCESS', ['completed']],
]);

const setsOf = (state: string) => SETS.get(state) ?? ['active'];
/** STARTED, or a state of the task's own. */
const isRunning = (state: string) => !SETS.has(state);

/** @param start only results with a lifetime of their own may be filed behind it: they are in the future */
function kindsAt(start: number): Kind[] {
  return [
    { name: 'lw', set: 'wait', isList: true, isQueue: true, time: 'timestamp' },
    { name: 'la', set: 'active', isList: true, time: 'processedOn' },
    { name: 'sd', set: 'delayed', time: 'timestamp' },
    ...Array.from({ length: PRIORITIES + 1 }, (_, priority) => ({
      name: `sp${priority}`,
      set: 'prioritized',
      time: 'timestamp',
      above: priority * PRIORITY - 1,
      // Other BullMQ programs may have more priorities than Kaje.
      ...(priority < PRIORITIES ? { upTo: (priority + 1) * PRIORITY - 1 } : {}),
    })),
    { name: 'sc', set: 'completed', upTo: start },
    { name: 'sC', set: 'completed', above: start, time: 'finishedOn' },
    { name: 'sf', set: 'failed', upTo: start },
    { name: 'sF', set: 'failed', above: start, time: 'finishedOn' },
  ];
}

function fits({ state, tags }: AsyncResultBody, { states, tag }: TaskQuery): boolean {
  return (states?.includes(state) ?? true) && (tag === undefined || tags.includes(tag));
}

/** The places behind these steps. */
function advanced(
  places: Places,
  steps: readonly (readonly [queue: number, kind: number, place: Place, ...rest: unknown[]])[],
  { queues, kinds }: { readonly queues: readonly string[]; readonly kinds: readonly Kind[] },
): Places {
  const next = new Map(places);
  for (const [queue, kind, place] of steps) {
    const name = queues[queue - 1] ?? '';
    next.set(name, { ...next.get(name), [kinds[kind - 1]?.name ?? '']: place });
  }
  return next;
}

function newestFirst(a: AsyncResultBody, b: AsyncResultBody): number {
  return timeOf(b) - timeOf(a) || (a.task_id < b.task_id ? 1 : -1);
}

function timeOf({ date_done: done, started_at: started, sent_at: sent }: AsyncResultBody): number {
  return Date.parse(done ?? started ?? sent);
}
