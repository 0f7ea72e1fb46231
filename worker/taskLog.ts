/**
 * `ctx.log`: each line goes into the worker's own log at once, and with others into the record of
 * its task, where anybody can read it. A task that writes nothing costs nothing.
 */
import type { Redis } from 'ioredis';
import type { RedisClock } from '../shared/brokers/clock.ts';
import { isError } from '../shared/errorText.ts';
import type { Keys } from '../shared/keys.ts';
import { flushLogs, type Log } from '../shared/log.ts';
import type { TaskLogLine } from '../shared/schemas.ts';
import { appendLogs } from '../shared/scripts.ts';
import type { TaskLog } from '../shared/task.ts';
import { describeError, withErrors } from './outcome.ts';

export interface TaskLogOptions {
  /** The worker's log, with the names of the task. */
  readonly log: Log;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Pick<RedisClock, 'now'>;
  readonly queue: string;
  readonly id: string;
  /** 1 for the first run. */
  readonly attempt: number;
}

export interface StoredTaskLog {
  readonly log: TaskLog;
  /**
   * Stores what is still buffered; what is sent to Redis after the call, Redis does after it.
   * Resolves when it is stored, also when it could not be.
   */
  flush(): Promise<void>;
  /** The same, and stores nothing more. */
  end(): void;
}

type Level = TaskLogLine['level'];

/** Lines are stored at most this often. */
const STORE_EVERY_MS = 100;
/** Lines kept of a task, and lines that wait for Redis at most. */
const LINES_KEPT = 1000;
/** Bytes of a line as JSON. */
const LINE_MAX = 4096;
/** Bytes of a line beside its message and its fields. */
const FRAME = 128;

export function createTaskLog({
  log,
  redis,
  keys,
  clock,
  ...names
}: TaskLogOptions): StoredTaskLog {
  const { queue, id, attempt } = names;
  const store = (lines: readonly string[], count: number) =>
    appendLogs(redis, keys, { queue, id, lines, count, keep: LINES_KEPT });
  const { add, flush, end } = createBuffer(store, log);
  const write =
    (level: Level) =>
    (message: string, fields: object = {}) => {
      log[level](shownErrors(fields), message);
      flushLogs();
      // Whoever wants no debug lines in the log wants them nowhere.
      if (level !== 'debug' || log.isLevelEnabled('debug')) {
        add(lineOf({ at: clock.now(), level, message, fields, attempt }));
      }
    };
  const taskLog = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return { log: taskLog, flush, end };
}

type Store = (lines: readonly string[], count: number) => Promise<unknown>;

function createBuffer(store: Store, log: Log) {
  let lines: string[] = [];
  /** Also those that were too many to be kept. */
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  let storedAt = Number.NEGATIVE_INFINITY;
  let underWay = 0;
  let hasEnded = false;

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (count === 0) return;
    const storing = store(lines, count);
    lines = [];
    count = 0;
    storedAt = performance.now();
    underWay++;
    await storing.catch((error: unknown) => log.debug({ err: error }, 'log lines were not stored'));
    underWay--;
    if (count > 0) schedule();
  };
  // One at a time: in an outage those that wait for Redis would fill the memory.
  const schedule = () => {
    if (underWay > 0 || hasEnded) return;
    const waitMs = Math.max(0, storedAt + STORE_EVERY_MS - performance.now());
    timer ??= setTimeout(flush, waitMs);
  };
  return {
    add(line: string) {
      if (hasEnded) return;
      count++;
      lines.push(line);
      if (lines.length > LINES_KEPT) lines.shift();
      schedule();
    },
    flush,
    end() {
      hasEnded = true;
      if (count > 0) void flush();
    },
  };
}

/** The worker's log knows an error by the name `err` only; elsewhere it would show `{}`. */
function shownErrors(fields: object): object {
  const isHidden = ([key, value]: [string, unknown]) => key !== 'err' && isError(value);
  const hidden = Object.entries(fields ?? {}).filter(isHidden);
  if (hidden.length === 0 || isError(fields)) return fields;
  const shown = hidden.map(([key, value]) => [key, describeError(value)]);
  return { ...fields, ...Object.fromEntries(shown) };
}

interface Line {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly level: Level;
  readonly message: unknown;
  readonly fields: unknown;
  readonly attempt: number;
}

/** The line as it is stored; what does not fit is cut off or left out, with a note. */
function lineOf({ at, level, message, fields, attempt }: Line): string {
  const room = LINE_MAX - FRAME;
  const text = typeof message === 'string' ? message : jsonOf(message);
  // The message first, for half of the room at least.
  const kept = fieldsWithin(room - Math.min(sizeOf(text.slice(0, room)), room / 2), fields);
  const clipped = clip(text, room - Buffer.byteLength(kept));
  const head = { at: new Date(at).toISOString(), level, message: clipped, attempt };
  return `${JSON.stringify(head).slice(0, -1)},"fields":${kept}}`;
}

/** Fields as JSON of an object of at most `max` bytes. */
function fieldsWithin(max: number, fields: unknown): string {
  const object = isError(fields) ? { err: fields } : fields;
  const whole = jsonOf(object, withErrors);
  if (!whole.startsWith('{')) return leftOut('fields that are no JSON object');
  if (Buffer.byteLength(whole) <= max) return whole;
  // Rather no tracebacks than no fields.
  const short = jsonOf(object, withoutTracebacks);
  const bytes = Buffer.byteLength(short);
  return bytes <= max ? short : leftOut(`fields of ${bytes} bytes`);
}

function leftOut(what: string): string {
  return JSON.stringify({ left_out: what });
}

function jsonOf(value: unknown, show = withErrors): string {
  try {
    return JSON.stringify(value, show) ?? String(value);
  } catch {
    // Circles, bigints, getters that throw.
    return 'no JSON';
  }
}

function withoutTracebacks(_key: string, value: unknown): unknown {
  if (!isError(value)) return value;
  const { type, message } = describeError(value);
  return { ...value, type, message };
}

/** The text, cut so that it takes at most `max` bytes as JSON. */
function clip(text: string, max: number): string {
  if (text.length <= max && sizeOf(text) <= max) return text;
  const note = `… (${text.length} characters)`;
  const limit = max - sizeOf(note);
  let end = Math.min(text.length, limit);
  // By proportion: a letter takes 1 to 6 bytes.
  for (let size = sizeOf(text.slice(0, end)); size > limit; size = sizeOf(text.slice(0, end))) {
    end = Math.floor((end * limit) / size);
  }
  return text.slice(0, end) + note;
}

function sizeOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
