/** A task as a worker takes it from its queue: what BullMQ calls an active job, as plain data. */
import { Job, type JobJson } from 'bullmq';
import { parseJson } from '../shared/jobHash.ts';
import { bodyOf, type MessageBody, type TaskMessage } from '../shared/message.ts';

export interface Delivery {
  readonly id: string;
  readonly name: string;
  readonly body: MessageBody;
  /** Epoch milliseconds of the send. */
  readonly timestamp: number;
  /** Retries made so far. */
  readonly retries: number;
  /** Which start of the task this is, from 1. */
  readonly start: number;
  /** Losses of workers charged to it (losses.ts). */
  readonly losses: number;
  /** Why it is to be failed without a run: BullMQ's `defa`. */
  readonly deferredFailure: string | undefined;
  /** Tracebacks of its earlier runs, JSON. */
  readonly stacktrace: string | undefined;
  readonly opts: JobJson['opts'];
  /** Names the slot that runs it: the value of its lock. */
  readonly token: string;
}

/** A job as BullMQ's own scripts answer it. */
export function deliveryOf(job: JobJson, id: string, token: string): Delivery {
  const { name, timestamp, deferredFailure, stacktrace, stalledCounter: losses } = job;
  const opts = { ...NO_OPTIONS, ...job.opts };
  const body = bodyOf(parseJson(job.data));
  const { attemptsMade: retries, attemptsStarted: start } = job;
  const values = { id, name, body, timestamp, retries, start, losses };
  return { ...values, deferredFailure, stacktrace, opts, token };
}

/** A job as finishTasks.lua answers it: these values of its hash. */
export type TakenValues = readonly [
  name: string,
  data: string | null,
  opts: string | null,
  timestamp: string | null,
  attemptsMade: string | null,
  deferredFailure: string | null,
  stacktrace: string | null,
  attemptsStarted: number,
  losses: string | null,
];

export function deliveryOfValues(values: TakenValues, id: string, token: string): Delivery {
  const [name, data, opts, timestamp, retries, deferredFailure, stacktrace, start, losses] = values;
  return {
    id,
    name,
    body: bodyOf(parseJson(data ?? '{}')),
    timestamp: Number(timestamp),
    retries: Number(retries ?? 0),
    start,
    losses: Number(losses ?? 0),
    deferredFailure: deferredFailure ?? undefined,
    stacktrace: stacktrace ?? undefined,
    opts: optsOf(opts ?? '{}'),
    token,
  };
}

/** What BullMQ's scripts count on, though not every producer stores it. */
const NO_OPTIONS = { attempts: 0 };

let lastOpts = '';
let lastParsed: JobJson['opts'] = {};

/** Nearly all tasks have the same ones. */
function optsOf(json: string): JobJson['opts'] {
  if (json !== lastOpts) {
    lastParsed = Object.freeze({ ...NO_OPTIONS, ...Job.optsFromJSON(json) });
    lastOpts = json;
  }
  return lastParsed;
}

export function messageOf(delivery: Delivery, queue: string): TaskMessage {
  const { id, name, timestamp: sentAt, body } = delivery;
  return { id, name, queue, sentAt, body };
}
