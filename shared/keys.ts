/**
 * Every Redis key that is ours, each with its type. BullMQ's own live beside them as
 * `<prefix>:<queue>:*` (docs/internals.md has the list); ours join the prefix with a dot,
 * so that no queue name can meet one.
 */

/** Channels over which workers tell of changed tasks; an API process listens to those it needs. */
export const SHARDS = 16;

export interface Keys {
  readonly prefix: string;
  /** SET of the names of all queues. */
  readonly queues: string;
  /** HASH task name -> TaskSpec as JSON. */
  readonly registry: string;
  /** ZSET worker id -> time of its last heartbeat by the clock of Redis, epoch ms; also of some that are dead. */
  readonly workers: string;
  /** STRING with a TTL: the heartbeat of one worker, JSON. */
  worker(id: string): string;
  /** STRING with a TTL: who sweeps old results now. */
  readonly sweeper: string;
  /** STRING with a TTL: somebody stores a task under this id, which a client chose, right now. */
  claim(id: string): string;
  /** STRING with a TTL: since when, epoch ms, and id of the task that holds this uniqueness. */
  unique(hash: string): string;
  /** HASH task name -> limits that were set at run time, JSON. */
  readonly limits: string;
  /** STRING with a TTL: when a task with a rate limit was started last, by its rate, epoch ms. */
  rate(task: string): string;
  /** ZSET job -> the slot that a task with a rate limit waits for, epoch ms. */
  reserved(task: string): string;
  /** ZSET of the jobs of a task with maxConcurrency that run or come next, scored by when they were seen, epoch ms. */
  running(task: string): string;
  /** ZSET of the jobs of a task that wait for a worker that may run them, scored by when they came, epoch ms. */
  parked(task: string): string;
  /** ZSET with a TTL: "<batch>:<tasks>" that later writes of a batch add, scored by when it is given up, epoch ms. */
  held(queue: string): string;
  /** STRING with a TTL: written by the readiness check. */
  readonly probe: string;
  /** HASH job of BullMQ: the record of a task. */
  job(queue: string, id: string): string;
  /** ZSET of BullMQ: ids that ended SUCCESS, or FAILURE and REVOKED, scored by the end, epoch ms. */
  finished(queue: string, succeeded: boolean): string;
  /** LIST of BullMQ: the last lines that a task wrote by ctx.log, JSON. */
  logs(queue: string, id: string): string;
  /** HASH of BullMQ: settings of a queue, and whether it is paused. */
  queueMeta(queue: string): string;
  /** First part of all keys of a queue, as BullMQ joins them. */
  queueBase(queue: string): string;
  /** CHANNEL: ids of tasks that changed, joined by commas. */
  changes(shard: number): string;
  /** CHANNEL: a worker published its tasks. */
  readonly registryChanges: string;
  /** CHANNEL: commands to workers, JSON (control.ts). */
  readonly control: string;
  /** CHANNEL: answers to the commands of one process, JSON. */
  answers(process: string): string;
  /** CHANNEL: what happens to tasks and workers, JSON lists. */
  readonly events: string;
  /** STRING with a TTL: somebody follows the events. */
  readonly eventsWanted: string;
  /** CHANNEL: somebody began to follow the events. */
  readonly eventsCalls: string;
}

/** @param database its number; keys lie in it, but channels are heard in all, so they bear it. Default: 0 */
export function createKeys(prefix: string, database = 0): Keys {
  const ours = (name: string) => `${prefix}.${name}`;
  // No prefix has an "@".
  const channel = (name: string) => `${ours(name)}@${database}`;
  const queueBase = (queue: string) => `${prefix}:${queue}:`;
  return {
    prefix,
    queues: ours('queues'),
    registry: ours('registry'),
    workers: ours('workers'),
    worker: (id) => ours(`worker:${id}`),
    sweeper: ours('sweeper'),
    claim: (id) => ours(`claim:${id}`),
    unique: (hash) => ours(`unique:${hash}`),
    limits: ours('limits'),
    rate: (task) => ours(`rate:${task}`),
    reserved: (task) => ours(`reserved:${task}`),
    running: (task) => ours(`running:${task}`),
    parked: (task) => ours(`parked:${task}`),
    held: (queue) => ours(`held:${queue}`),
    probe: ours('probe'),
    job: (queue, id) => queueBase(queue) + id,
    logs: (queue, id) => `${queueBase(queue)}${id}:logs`,
    finished: (queue, succeeded) => queueBase(queue) + (succeeded ? 'completed' : 'failed'),
    queueMeta: (queue) => `${queueBase(queue)}meta`,
    queueBase,
    changes: (shard) => channel(`changes:${shard}`),
    registryChanges: channel('changes:registry'),
    control: channel('control'),
    answers: (process) => `${channel('answers')}:${process}`,
    events: channel('events'),
    eventsWanted: ours('events:wanted'),
    eventsCalls: channel('events:calls'),
  };
}

/** The channel that tells of a task: any hash does that spreads ids evenly. */
export function shardOf(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) | 0;
  return Math.abs(hash) % SHARDS;
}
