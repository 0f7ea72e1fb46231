/** The options of the client's calls. What is none of them is refused by name: not all callers have types. */
import type { EventType } from '../shared/clusterEvents.ts';
import { InvalidRequestError } from '../shared/errors.ts';
import type { InspectOptions } from '../shared/operate.ts';
import type { RedisTls } from '../shared/redisTls.ts';
import type { RouteRule } from '../shared/routing.ts';
import { refuseUnknown } from '../shared/sendOptions.ts';
import type { TaskFilter } from './taskFilter.ts';

export type KajeOptions =
  /** Over HTTP: URL of the API; a login in it is sent as `Authorization: Basic`. */
  | {
      readonly url: string;
      /** Sent with each request, for a proxy that wants a token. Default: none */
      readonly headers?: Readonly<Record<string, string>>;
      readonly redis?: never;
    }
  /** Straight over Redis; `prefix` as that of the workers. Default: kaje */
  | {
      readonly redis: string;
      readonly prefix?: string;
      /** Queues of tasks that name none, by name, as the API's KAJE_ROUTES. Default: none */
      readonly routes?: readonly RouteRule[];
      /** Percent of Redis' maxmemory above which nothing is sent, as the API's KAJE_REDIS_MEMORY_LIMIT. Default: 80 */
      readonly memoryLimit?: number;
      /** Certificates of one's own for `rediss://`, as PEM. Default: those that Node trusts */
      readonly tls?: RedisTls;
      readonly url?: never;
    };

/** Which tasks to revoke; those that any of the three means. */
export interface RevokeSelection {
  readonly ids?: readonly string[];
  /** Every unfinished task with this tag. */
  readonly tag?: string;
  /** Every unfinished task with this value of the header. */
  readonly header?: { readonly name: string; readonly value: unknown };
  /** End also those that run: REVOKED at once, their threads and processes are killed. Default: false */
  readonly terminate?: boolean;
}

export interface LimitsOptions {
  /** `10/s`, `100/m`, `1000/h`. */
  readonly rateLimit?: string | 0 | null;
  readonly maxConcurrency?: number | null;
  /** Seconds. */
  readonly timeLimit?: number | null;
  /** Seconds. */
  readonly softTimeLimit?: number | null;
}

export interface EventsOptions<Type extends EventType = EventType> {
  /** Default: all. */
  readonly types?: readonly Type[];
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

export interface GetOptions {
  /** Seconds to wait for the end. Default: for ever. */
  readonly timeout?: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
  /** Throw the error of a task that failed. Default: true; with false it is returned. */
  readonly propagate?: boolean;
}

export interface RevokeOptions {
  /** End it even while it runs. Default: false */
  readonly terminate?: boolean;
}

export interface FollowOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

export interface LogOptions {
  /** Only lines behind the one of this number. Default: 0 */
  readonly after?: number;
}

/** call -> its options; those that are checked as part of a request are not among them */
interface OptionsOf {
  'new Kaje({ url })': { url?: string; headers?: object; redis?: string };
  'new Kaje({ redis })': Extract<KajeOptions, { readonly redis: string }>;
  'tasks()': TaskFilter;
  'setLimits()': LimitsOptions;
  'kaje.events()': EventsOptions;
  'inspect()': InspectOptions;
  'get()': GetOptions;
  'revoke()': RevokeOptions;
  'events()': FollowOptions;
  'logs()': LogOptions;
  'followLogs()': LogOptions & FollowOptions;
}

const NAMES: {
  readonly [Call in keyof OptionsOf]: Readonly<Record<keyof OptionsOf[Call], true>>;
} = {
  'new Kaje({ url })': { url: true, headers: true, redis: true },
  'new Kaje({ redis })': {
    redis: true,
    prefix: true,
    routes: true,
    memoryLimit: true,
    tls: true,
    url: true,
  },
  'tasks()': {
    state: true,
    name: true,
    queue: true,
    tag: true,
    since: true,
    until: true,
    pageSize: true,
  },
  'setLimits()': { rateLimit: true, maxConcurrency: true, timeLimit: true, softTimeLimit: true },
  'kaje.events()': { types: true, signal: true },
  'inspect()': { workers: true, timeout: true },
  'get()': { timeout: true, signal: true, propagate: true },
  'revoke()': { terminate: true },
  'events()': { signal: true },
  'logs()': { after: true },
  'followLogs()': { after: true, signal: true },
};

/** @throws InvalidRequestError for the first option that the call does not have */
export function refuseUnknownOf<Call extends keyof OptionsOf>(call: Call, given: object): void {
  refuseUnknown(given, NAMES[call], `option of ${call}`);
}

/** What some options must be where no API and no schema looks at them, whatever the way to Kaje. */
const VALUES = {
  timeout: {
    expected: 'seconds',
    isRight: (value: unknown) => typeof value === 'number' && !Number.isNaN(value),
  },
  after: {
    expected: 'the number of a line, 0 or more',
    isRight: (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0,
  },
  terminate: { expected: 'true or false', isRight: (value: unknown) => typeof value === 'boolean' },
} as const;

/** @throws InvalidRequestError for a value that the option cannot have */
export function requireValue(option: keyof typeof VALUES, value: unknown): void {
  const { expected, isRight } = VALUES[option];
  if (value === undefined || isRight(value)) return;
  const message = `expected ${expected}, got ${String(value)}`;
  throw new InvalidRequestError([{ path: `/${option}`, message }]);
}
