/**
 * Commands to workers over Redis pub/sub: all workers hear each, those that are meant answer on the
 * channel of the process that asks. Nothing is stored: a worker that is not there hears nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Answers, Question, WorkerAnswer } from './broker.ts';
import type { Bus } from './bus.ts';
import { BrokerUnavailableError } from './errors.ts';
import { reasonOf } from './errorText.ts';
import type { Keys } from './keys.ts';
import { ANSWER_WITHIN_MS, answered, whenConnected } from './redis.ts';
import type { WorkerBody } from './schemas.ts';

export type CommandArgs = Readonly<Record<string, unknown>>;

/** A command on its way. */
interface Command {
  readonly id: string;
  readonly command: string;
  readonly args: CommandArgs;
  /** null: all of them. */
  readonly workers: readonly string[] | null;
  /** Channel; null where nobody waits for an answer. */
  readonly answerTo: string | null;
}

/** An answer on its way. */
type Reply = { readonly id: string; readonly worker: string } & WorkerAnswer;

export interface AskerOptions {
  readonly redis: Redis;
  /** The connection of the bus. */
  readonly subscriber: Redis;
  readonly bus: Pick<Bus, 'subscribe'>;
  readonly keys: Keys;
  /** The workers alive. */
  workers(): Promise<readonly Pick<WorkerBody, 'id'>[]>;
}

export interface Asker {
  /**
   * Asks workers and collects their answers; those not alive are missing at once.
   * @throws BrokerUnavailableError also when the answers could not be heard
   */
  ask(question: Question): Promise<Answers>;
  /** Tells all workers something to which nobody needs an answer. */
  tell(command: string, args: CommandArgs): Promise<void>;
}

/** A question under way. */
interface Pending {
  take(reply: Reply): void;
  fail(error: Error): void;
}

const DEAF = 'the connection for answers is down';

export function createAsker({ redis, subscriber, bus, keys, workers }: AskerOptions): Asker {
  const channel = keys.answers(randomUUID());
  const pending = new Map<string, Pending>();

  const take = (text: string): void => {
    const reply = parse<Reply>(text);
    // Of a question that is over, nobody waits for the answer.
    if (reply) pending.get(reply.id)?.take(reply);
  };
  subscriber.on('close', () => {
    for (const each of [...pending.values()]) each.fail(new BrokerUnavailableError(DEAF));
  });

  const checkHearing = (): void => {
    if (subscriber.status !== 'ready') throw new BrokerUnavailableError(DEAF);
  };
  /** Each time anew: only Redis' answer says that this connection hears, also after an outage. */
  const hear = async (): Promise<void> => {
    await whenConnected(subscriber, ANSWER_WITHIN_MS);
    checkHearing();
    await answered(subscriber, bus.subscribe(channel, take));
    checkHearing();
  };

  const publish = async (command: Command): Promise<void> => {
    await answered(redis, redis.publish(keys.control, JSON.stringify(command)));
  };

  return {
    async ask({ command, args = {}, workers: named, timeoutMs }) {
      const alive = (await workers()).map(({ id }) => id);
      const asked = [...new Set(named ?? alive)];
      const expected = asked.filter((id) => alive.includes(id));
      if (expected.length === 0) return { byWorker: new Map(), missing: asked };
      await hear();
      const id = randomUUID();
      const { answers, fail } = collect(id, expected, timeoutMs, pending);
      publish({ id, command, args, workers: named ? expected : null, answerTo: channel }).catch(
        fail,
      );
      const byWorker = await answers;
      return { byWorker, missing: asked.filter((worker) => !byWorker.has(worker)) };
    },
    tell: (command, args) =>
      publish({ id: randomUUID(), command, args, workers: null, answerTo: null }),
  };
}

/** Collects what the expected workers answer, the first answer of each, until all have or the time is over. */
function collect(
  id: string,
  expected: readonly string[],
  timeoutMs: number,
  pending: Map<string, Pending>,
): { answers: Promise<ReadonlyMap<string, WorkerAnswer>>; fail(error: Error): void } {
  const byWorker = new Map<string, WorkerAnswer>();
  const silent = new Set(expected);
  let fail: (error: Error) => void = () => undefined;
  const answers = new Promise<ReadonlyMap<string, WorkerAnswer>>((resolve, reject) => {
    const end = (finish: () => void) => {
      clearTimeout(timer);
      pending.delete(id);
      finish();
    };
    const enough = () => end(() => resolve(byWorker));
    // Behind one more look at the sockets: after a stall of this process the answers may lie there.
    const timer = setTimeout(() => setImmediate(() => setImmediate(enough)), timeoutMs);
    fail = (error) => end(() => reject(error));
    const take = (reply: Reply) => {
      if (!silent.delete(reply.worker)) return;
      byWorker.set(reply.worker, 'error' in reply ? { error: reply.error } : { ok: reply.ok });
      if (silent.size === 0) enough();
    };
    pending.set(id, { take, fail });
  });
  return { answers, fail };
}

export interface ListenerOptions {
  /** For answers. */
  readonly redis: Redis;
  /** Of the worker's own, for commands only. */
  readonly subscriber: Redis;
  readonly keys: Keys;
  readonly worker: string;
  /** Does what the command says; what it returns or throws is the answer. */
  handle(command: string, args: CommandArgs): unknown;
}

/** Hears the commands that are meant for one worker; resolves once it listens. */
export async function listenToCommands(options: ListenerOptions): Promise<void> {
  const { subscriber, keys, worker } = options;
  const hear = (channel: string, text: string) => {
    const command = channel === keys.control ? commandIn(text) : undefined;
    const isMeant = command && (command.workers === null || command.workers.includes(worker));
    if (isMeant) void obey(command, options);
  };
  subscriber.on('message', hear);
  try {
    // ioredis subscribes again by itself when the connection was lost.
    await subscriber.subscribe(keys.control);
  } catch (error) {
    // Whoever tries again is not to hear everything twice.
    subscriber.off('message', hear);
    throw error;
  }
}

async function obey(command: Command, options: ListenerOptions): Promise<void> {
  const { redis, keys, worker, handle } = options;
  const answer = await answerOf(() => handle(command.command, command.args));
  const to = command.answerTo;
  // Anybody may publish: an answer goes to a channel for answers, and not into an outage's backlog.
  if (!to?.startsWith(keys.answers('')) || redis.status !== 'ready') return;
  const reply = replyText({ id: command.id, worker }, answer);
  redis.publish(to, reply).catch(() => undefined);
}

/** The answer as JSON. */
async function answerOf(work: () => unknown): Promise<string> {
  try {
    return JSON.stringify({ ok: (await work()) ?? null });
  } catch (error) {
    return JSON.stringify({ error: reasonOf(error) });
  }
}

/** Redis cuts subscribers for whom too much waits: 8 MB for a minute, 32 MB at once. */
const ANSWER_MAX_CHARACTERS = 6 * 1024 * 1024;

function replyText(from: { id: string; worker: string }, answer: string): string {
  const error = `the answer is too large to be sent: ${answer.length} characters`;
  const sent = answer.length > ANSWER_MAX_CHARACTERS ? JSON.stringify({ error }) : answer;
  return `${JSON.stringify(from).slice(0, -1)},${sent.slice(1)}`;
}

function commandIn(text: string): Command | undefined {
  const command = parse<Partial<Command>>(text);
  if (!command) return undefined;
  const { id, command: name, args, workers = null, answerTo = null } = command;
  const isWhole =
    typeof id === 'string' &&
    typeof name === 'string' &&
    isObject(args) &&
    (workers === null || Array.isArray(workers)) &&
    (answerTo === null || typeof answerTo === 'string');
  return isWhole ? { id, command: name, args, workers, answerTo } : undefined;
}

/** The object that the text holds, or undefined: other programs may write to our channels. */
function parse<T extends object>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // What is in it is checked by the caller.
    return isObject(value) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
