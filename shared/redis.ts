/**
 * Connections to Redis, of two kinds: one for the API that fails fast, so that a request is
 * answered at once; one for workers that waits for Redis as long as it takes.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { atMost } from './atMost.ts';
import { BrokerUnavailableError, KajeError } from './errors.ts';
import { reasonOf } from './errorText.ts';
import { followFailover } from './failover.ts';
import type { Log } from './log.ts';
import { tlsReason } from './redisTls.ts';
import type { RedisTarget } from './redisUrl.ts';

export type { Redis } from 'ioredis';

/** Milliseconds after which an unanswered command of the API counts as a failure. */
export const ANSWER_WITHIN_MS = 800;

/**
 * A connection that refuses commands while Redis is away instead of keeping them: what a caller
 * was told has failed must not be executed later by surprise.
 */
export function connectFailingFast(target: string | RedisTarget, log: Log): Redis {
  return connect(target, log, {
    enableOfflineQueue: false,
    // A command cut off by a lost connection fails; ioredis would send it again behind our back.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  });
}

/** Above the 5 s for which a worker's line waits for a task. */
const SILENT_S = 8;

/**
 * A connection whose commands wait for Redis to come back: for workers.
 * @param silentS seconds without a word after which one that owes an answer is made anew. Default: 8
 */
export function connectPatiently(
  target: string | RedisTarget,
  log: Log,
  silentS = SILENT_S,
): Redis {
  const redis = connect(target, log, {
    // BullMQ demands null: a finished task must wait out an outage, not become a failure.
    maxRetriesPerRequest: null,
    connectTimeout: 5000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1000),
  });
  withCopies(redis, (each) => cutSilent(each, silentS));
  corkWrites(redis);
  return redis;
}

function connect(target: string | RedisTarget, log: Log, options: RedisOptions): Redis {
  const { url, ...tls }: RedisTarget = typeof target === 'string' ? { url: target } : target;
  const all = { ...options, ...tls, keepAlive: 10_000, replyMapping: 'legacy' as const };
  // ioredis knows socket paths, but not written as a URL.
  const redis = url.startsWith('unix:')
    ? new Redis({ ...all, path: url.replace(/^unix:(\/\/)?/, '') })
    : new Redis(url, all);
  logOutages(redis, log);
  withCopies(redis, keepToDatabase);
  withCopies(redis, (each) => followFailover(each, () => leaving.add(each)));
  return redis;
}

/** Prepares a connection, and those that BullMQ makes of it. */
function withCopies(redis: Redis, prepare: (redis: Redis) => void): void {
  prepare(redis);
  const duplicate = redis.duplicate.bind(redis);
  Reflect.set(redis, 'duplicate', (override?: Partial<RedisOptions>) => {
    const copy = duplicate(override);
    withCopies(copy, prepare);
    return copy;
  });
}

/** A wait for a task takes up to 5.2 s. Looks once a second, the first right behind the question, cut it now and then at 6 s. */
const LOOKS_PER_S = 4;

/**
 * TCP notices a half-open connection only after minutes. Counted in turns of this process, not by the clock
 * as ioredis' socketTimeout does: after a stall the answer lies there unread, and a new connection would
 * send again what is done.
 */
function cutSilent(redis: Redis, silentS: number): void {
  redis.on('connect', () => {
    const { stream } = redis;
    let silent = 0;
    stream.on('data', () => {
      silent = 0;
    });
    const look = () => {
      silent = owesAnswer(redis) ? silent + 1 : 0;
      // The first look may come right behind the question.
      if (silent > silentS * LOOKS_PER_S)
        stream.destroy(new Error(`no answer within ${silentS} s`));
    };
    const looking = setInterval(look, 1000 / LOOKS_PER_S).unref();
    stream.once('close', () => clearInterval(looking));
  });
}

/** Commands are on their way; the types of ioredis do not show them. */
const owesAnswer = (redis: Redis): boolean => Reflect.get(redis, 'commandQueue').length > 0;

/**
 * ioredis goes on in database 0 where Redis refuses the one that was named, at the start or after a
 * reconnect. Here the connection is not ready until Redis has taken the SELECT.
 */
function keepToDatabase(redis: Redis): void {
  const select = redis.select.bind(redis);
  Reflect.set(redis, 'select', async (database: number) => {
    try {
      return await select(database);
    } catch (error) {
      // Of a lost connection, or one that may do nothing at all, ioredis lets go by itself.
      if (!(error instanceof Error) || !isReply(error) || /^NOAUTH/.test(error.message))
        throw error;
      redis.emit('error', new Error(`it refuses database ${database}: ${error.message}`));
      redis.disconnect(true);
      // The handshake ends with its connection.
      return new Promise(() => undefined);
    }
  });
}

/** Connections that are cut to be made anew. */
const leaving = new WeakSet<Redis>();

const isReply = (error: Error) => error.name === 'ReplyError';

/**
 * The commands of one turn go out with one write: ioredis makes one for each, and a worker that
 * filed 50 tasks and told 16 channels of them spent a fifth of its time in writes. Not where
 * answers have a deadline: a command must not wait behind a stall of its own process.
 */
function corkWrites(redis: Redis): void {
  redis.on('connect', () => {
    const { stream } = redis;
    const write = stream.write.bind(stream);
    const uncork = () => stream.uncork();
    // ioredis writes by this method only.
    Reflect.set(stream, 'write', (...args: Parameters<typeof write>) => {
      if (stream.writableCorked === 0) {
        stream.cork();
        process.nextTick(uncork);
      }
      return write(...args);
    });
  });
}

/** One line when Redis goes, one when it is back: not one for each attempt. */
function logOutages(redis: Redis, log: Log): void {
  let since: number | undefined;
  const lost = (reason: string) => {
    if (since !== undefined) return;
    outages.set(redis, reason);
    since = performance.now();
    log.error(
      { redis: addressOf(redis), reason },
      'Redis is unreachable; trying again until it is back',
    );
  };
  redis.on('error', (error: Error) => {
    outages.set(redis, inWords(error));
    lost(inWords(error));
  });
  redis.on('close', () => {
    const isMeant = leaving.delete(redis) || isClosing(redis);
    if (redis.status !== 'end' && !isMeant) lost('connection closed');
  });
  redis.on('ready', () => {
    if (since === undefined) return;
    log.info(
      { redis: addressOf(redis), after_s: Math.round(performance.now() - since) / 1000 },
      'Redis is back',
    );
    since = undefined;
  });
}

const closing = new WeakSet<Redis>();
/** Why each connection was lost last: ioredis only says that it takes no command. */
const outages = new WeakMap<Redis, string>();

/** Milliseconds that Redis gets to answer at a goodbye; a frozen one never does. */
const GOODBYE_MS = 500;

/** Closes the connection for good: what is under way may finish, unless Redis is away. */
export async function disconnect(redis: Redis): Promise<void> {
  closing.add(redis);
  if (redis.status === 'ready') await atMost(GOODBYE_MS, redis.quit());
  // Between two attempts ioredis has nothing to close, and commands would wait for ever: an attempt that is
  // ended at once ends them.
  if (redis.status === 'reconnecting') redis.connect().catch(() => undefined);
  redis.disconnect();
}

function isClosing(redis: Redis): boolean {
  return closing.has(redis);
}

function addressOf({ options }: Redis): string {
  return options.path ?? `${options.host}:${options.port}`;
}

// What ioredis says of a command that it does not keep is about its own options.
function inWords(error: Error): string {
  if (/enableOfflineQueue/.test(error.message)) return 'not connected';
  // Of a login that is missing Redis tells in terms of its protocol.
  if (/^NOAUTH/.test(error.message)) return 'NOAUTH: it wants a login, redis://user:password@host';
  return tlsReason(error) ?? reasonOf(error);
}

/**
 * The answer, or BrokerUnavailableError when Redis refuses, is away, or does not answer in time.
 * After a silence the connection is cut hard, so that nothing still on its way is executed later.
 * @param withinMs milliseconds. Default: 800
 */
export async function answered<T>(
  redis: Redis,
  command: Promise<T>,
  withinMs = ANSWER_WITHIN_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const giveUp = () => {
      reject(new BrokerUnavailableError(`no answer within ${withinMs} ms`));
      cut(redis);
    };
    const due = performance.now() + withinMs;
    timer = setTimeout(() => {
      // While this process stood still, the machine may have, and Redis too: that time does not count.
      const missedMs = performance.now() - due;
      timer = setTimeout(giveUp, Math.min(missedMs, withinMs));
    }, withinMs);
  });
  try {
    return await Promise.race([command, silence]);
  } catch (error) {
    throw asUnavailable(error, outages.get(redis));
  } finally {
    clearTimeout(timer);
  }
}

/** By RST where the transport knows it: what was sent and not yet read is thrown away. */
function cut({ stream }: Redis): void {
  try {
    stream?.resetAndDestroy();
  } catch {
    // TLS and unix sockets have no RST.
    stream?.destroy();
  }
}

/** First words of the replies with which Redis says "not now", not "not so". */
const REFUSALS =
  /^(DENIED|LOADING|READONLY|OOM|MISCONF|BUSY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|NOSCRIPT|TRYAGAIN|UNBLOCKED)\b/;

/** The error of an unavailable broker, where the error means that; any other as it is. */
export function asUnavailable(error: unknown, outage?: string): unknown {
  if (error instanceof KajeError || !(error instanceof Error)) return error;
  const refused = refusalIn(error.message);
  if (refused) return new BrokerUnavailableError(refused, { cause: error });
  return isConnectionError(error)
    ? new BrokerUnavailableError(`Redis cannot be reached (${outage ?? inWords(error)})`, {
        cause: error,
      })
    : error;
}

/** Redis is away, or there and refusing: no fault of what was asked. Connections log it, once. */
export function isOutage(error: unknown): boolean {
  return asUnavailable(error) instanceof BrokerUnavailableError;
}

/** The second of the two: an answer of Redis, not the want of one; a refused script has written nothing. */
export function isRefusal(error: unknown): error is Error {
  if (!isOutage(error)) return false;
  const reply = error instanceof BrokerUnavailableError ? error.cause : error;
  return reply instanceof Error && isReply(reply);
}

/** A refusal of Redis, also wrapped by a script: `ERR Error running script … 77: -OOM command not allowed`. */
function refusalIn(message: string): string | undefined {
  const plain = message.replace(/^ERR Error running script.*?: -/, '');
  return REFUSALS.test(plain) ? plain : undefined;
}

function isConnectionError(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : '';
  return (
    /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET|ENOENT)/.test(code) ||
    /Connection is closed|enableOfflineQueue|max retries per request|connection.*(lost|ended|closed)/i.test(
      error.message,
    ) ||
    error.name === 'MaxRetriesPerRequestError' ||
    error.name === 'AbortError'
  );
}

/** Resolves once the connection is there, or after `withinMs` without it: the next command will tell. */
export async function whenConnected(redis: Redis, withinMs: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      redis.off('ready', done);
      redis.off('end', done);
      resolve();
    };
    const timer = setTimeout(done, withinMs);
    redis.once('ready', done);
    redis.once('end', done);
  });
}
