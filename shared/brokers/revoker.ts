/** Keeps tasks from running, one by one or all with a tag or a header. */
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { InvalidRequestError, TaskNotFoundError, WrongStateError } from '../errors.ts';
import { parseJson } from '../jobHash.ts';
import type { Keys } from '../keys.ts';
import { bodyOf, type MessageBody } from '../message.ts';
import { ANSWER_WITHIN_MS, answered } from '../redis.ts';
import {
  type AsyncResultBody,
  type RevokedTasksBody,
  type RevokeTasksRequest,
  SCHEMAS,
} from '../schemas.ts';
import { type Revocation, type Revoked, readTasks, revokeTask } from '../scripts.ts';
import { TaskExpired, TaskRevokedError } from '../taskErrors.ts';
import { check } from '../validation.ts';
import { portionsOf, scriptsUnderWay } from './portions.ts';

export interface RevokerOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  queueNames(): Promise<readonly string[]>;
  read(id: string): Promise<AsyncResultBody | undefined>;
  /** Tells all workers which tasks to stop. */
  stop(ids: readonly string[], terminate: boolean): void;
  /** Tells whoever waits for a task. */
  announce(id: string): void;
  /** Tells whoever follows the cluster which tasks were ended. */
  tell(ids: readonly string[]): void;
}

/** Tasks looked at or revoked in one go, so that nobody else waits long for Redis. */
const AT_ONCE = 500;

export function createRevoker(options: RevokerOptions) {
  const { redis, keys, queueNames, read, stop, announce, tell } = options;

  /** Some at once: what became of each. */
  const end = async (
    ids: readonly string[],
    mode: Revocation['mode'],
    error: Error,
  ): Promise<Revoked[]> => {
    const bases = (await queueNames()).map(keys.queueBase);
    const answers: Revoked[] = [];
    for (const some of portionsOf(ids, scriptsUnderWay(bases.length, 1))) {
      const revoking = some.map((id) => revokeTask(redis, bases, { id, mode, error }));
      answers.push(
        ...(await answered(redis, Promise.all(revoking), ANSWER_WITHIN_MS + some.length)),
      );
    }
    const ended = ids.filter((_, i) => answers[i] === 'revoked');
    for (const id of ended) announce(id);
    tell(ended);
    return answers;
  };

  const revokeSome = async (ids: readonly string[], terminate: boolean): Promise<Revoked[]> => {
    const answers = await end(ids, terminate ? 'terminate' : 'stop', new TaskRevokedError());
    const told = ids.filter((_, i) => answers[i] === 'revoked' || answers[i] === 'running');
    if (told.length > 0) stop(told, terminate);
    return answers;
  };

  const revokeNamed = async (ids: readonly string[], terminate: boolean) => {
    const counts = { revoked: 0, running: 0, ready: 0, unknown: 0 };
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const answers = await revokeSome(ids.slice(from, from + AT_ONCE), terminate);
      for (const answer of answers) counts[answer]++;
    }
    return counts;
  };

  const revokeChosen = async (isChosen: (task: Waiting) => boolean, terminate: boolean) => {
    // One that moves on meanwhile is met again.
    const met = { revoked: new Set<string>(), running: new Set<string>() };
    const revokeFound = async (found: readonly Waiting[]) => {
      const ids = found.filter(isChosen).map(({ id }) => id);
      const answers = ids.length > 0 ? await revokeSome(ids, terminate) : [];
      for (const [i, answer] of answers.entries()) {
        if (answer === 'revoked' || answer === 'running') met[answer].add(ids[i] ?? '');
      }
    };
    for (const queue of await queueNames()) {
      for await (const found of unfinished(redis, keys.queueBase(queue))) await revokeFound(found);
    }
    return { revoked: met.revoked.size, running: met.running.size };
  };

  return {
    async revoke(id: string, terminate: boolean): Promise<AsyncResultBody> {
      const [answer] = await revokeSome([id], terminate);
      const result = await read(id);
      if (!result || answer === 'unknown') throw new TaskNotFoundError(id);
      if (answer === 'ready')
        throw new WrongStateError(id, result.state, 'a task that has not ended');
      return result;
    },
    /** Ends tasks that have not started in time; those that have just started go on. */
    async expire(ids: readonly string[]): Promise<void> {
      await end(ids, 'overdue', new TaskExpired());
    },
    async revokeMany(selection: RevokeTasksRequest): Promise<RevokedTasksBody> {
      refuseUnclear(selection);
      const { task_ids: ids = [], terminate = false } = selection;
      const named = new Set(ids);
      const counts = await revokeNamed([...named], terminate);
      const isMeant = selectorOf(selection);
      if (!isMeant) return counts;
      const isChosen = ({ id, body }: Waiting) => !named.has(id) && isMeant(body);
      const { revoked, running } = await revokeChosen(isChosen, terminate);
      return { ...counts, revoked: counts.revoked + revoked, running: counts.running + running };
    },
  };
}

function refuseUnclear(selection: RevokeTasksRequest): void {
  const errors = check(SCHEMAS.RevokeTasks, selection);
  if (errors.length > 0) throw new InvalidRequestError(errors);
  const { task_ids: ids, tag, header } = selection;
  if (ids !== undefined || tag !== undefined || header !== undefined) return;
  const message = 'expected task_ids, a tag or a header: which tasks are meant';
  throw new InvalidRequestError([{ path: '', message }]);
}

/** Whether a task is meant by the tag or the header; undefined when neither is given. */
function selectorOf({ tag, header }: RevokeTasksRequest) {
  if (tag === undefined && header === undefined) return undefined;
  return ({ tags = [], headers = {} }: MessageBody): boolean =>
    (tag !== undefined && tags.includes(tag)) ||
    (header !== undefined &&
      Object.hasOwn(headers, header.name) &&
      isDeepStrictEqual(headers[header.name], header.value));
}

interface Waiting {
  readonly id: string;
  readonly body: MessageBody;
}

/**
 * The tasks of a queue that have not ended, some at a time, in the order of their life: one that
 * moves on meanwhile is met again, not missed; those that ran may be back at the start.
 */
async function* unfinished(redis: Redis, base: string): AsyncGenerator<Waiting[]> {
  const list = (key: string, from: number, to: number) =>
    answered(redis, redis.lrange(base + key, from, to));
  async function* places(): AsyncGenerator<string[]> {
    yield* membersOf(redis, `${base}delayed`);
    // New ones come in at the head: what was not read yet moves away from it.
    for (let from = 0, isMore = true; isMore; from += AT_ONCE) {
      const ids = await list('wait', from, from + AT_ONCE - 1);
      isMore = ids.length === AT_ONCE;
      yield ids;
    }
    yield* membersOf(redis, `${base}prioritized`);
    // As long as the slots of all workers, and those ended here leave it: read whole.
    yield await list('active', 0, -1);
    yield* membersOf(redis, `${base}delayed`);
    // Put back by a worker, and due again.
    yield await list('wait', -AT_ONCE, -1);
    yield await list('wait', 0, AT_ONCE - 1);
    yield* membersOf(redis, `${base}prioritized`);
  }
  for await (const ids of places()) yield* bodiesOf(redis, base, ids);
}

/** ZSCAN shows whatever stays there all the while, though others come and go. */
async function* membersOf(redis: Redis, key: string): AsyncGenerator<string[]> {
  for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
    const [next, found] = await answered(redis, redis.zscan(key, cursor, 'COUNT', AT_ONCE));
    cursor = next;
    yield found.filter((_, i) => i % 2 === 0);
  }
}

/** What was sent with these tasks: large ones come in several portions. */
async function* bodiesOf(
  redis: Redis,
  base: string,
  ids: readonly string[],
): AsyncGenerator<Waiting[]> {
  for (let from = 0; from < ids.length; ) {
    const some = ids.slice(from, from + AT_ONCE);
    const reading = readTasks(redis, [base], { fields: ['data'], ids: some });
    const [, ...found] = await answered(redis, reading);
    yield found.map((task, i) => ({
      id: some[i] ?? '',
      body: bodyOf(parseJson(task?.[3][0] ?? null)),
    }));
    from += Math.max(1, found.length);
  }
}
