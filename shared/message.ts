/**
 * A task on the wire: what a producer stores and a worker reads.
 * The body is the BullMQ job's `data`, so it is kept small: what is absent has its default.
 */

/** 0 to 9, 9 most urgent. */
export const DEFAULT_PRIORITY = 5;

export interface TaskMessage {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  /** Epoch milliseconds on the producer's clock. */
  readonly sentAt: number;
  readonly body: MessageBody;
  /** Only while it is sent: what keeps a second equal task from being queued. */
  readonly unique?: { readonly hash: string; readonly ttlMs: number };
}

export interface MessageBody {
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Not before this time, epoch milliseconds. */
  readonly eta?: number;
  /** Not after this time, epoch milliseconds. */
  readonly expires?: number;
  /** 0 to 9; absent is 5. */
  readonly priority?: number;
  readonly max_retries?: number;
  /** Seconds. */
  readonly time_limit?: number;
  /** Seconds. */
  readonly soft_time_limit?: number;
  /** Seconds. */
  readonly result_expires?: number;
  readonly ignore_result?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
  readonly parent_id?: string;
  readonly root_id?: string;
  /** Hash of the request, only where the client chose the id: tells a repeat from a conflict. */
  readonly fingerprint?: string;
}

/** Milliseconds behind its send before which it may not be taken; 0: it waits at once. */
export function delayOf({ body: { eta }, sentAt }: TaskMessage): number {
  return eta === undefined ? 0 : Math.max(0, eta - sentAt);
}

/** The body of a stored job; the data of other producers (plain BullMQ) reads as keyword arguments. */
export function bodyOf(data: unknown): MessageBody {
  if (!isObject(data)) return { args: [data] };
  const { args, kwargs } = data;
  const hasArgs = args === undefined || Array.isArray(args);
  const hasKwargs = kwargs === undefined || isObject(kwargs);
  const isOurs = hasArgs && hasKwargs && !(args === undefined && kwargs === undefined);
  return isOurs ? data : { kwargs: data };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** BullMQ keeps its own keys beside the tasks' (`<queue>:wait`): a task of that id would overwrite one. */
const RESERVED_IDS = new Set(
  'wait active paused meta id events completed failed delayed prioritized waiting-children stalled stalled-check marker limiter repeat pc metrics'.split(
    ' ',
  ),
);

/** Why a client may not use this task id; undefined when it may. */
export function taskIdProblem(id: string): string | undefined {
  if (!/^[A-Za-z0-9_.-]{1,128}$/.test(id))
    return 'expected 1 to 128 letters, digits, "_", "." or "-"';
  if (id === '.' || id === '..') return `expected a name, got "${id}", which URLs cannot hold`;
  if (/^\d+$/.test(id)) return 'expected at least one character that is no digit';
  // BullMQ refuses whatever parseInt gives back unchanged.
  if (/^-\d+$/.test(id) || id === 'NaN') return `expected a name, got the number ${id}`;
  if (RESERVED_IDS.has(id)) return `"${id}" is a name of the queue's own keys; choose another`;
  return undefined;
}
