/** What answers a request, and what it may use. */
import type { Context } from 'koa';
import type { Broker } from '../shared/broker.ts';
import type { Log } from '../shared/log.ts';
import type { Producer } from '../shared/producer.ts';
import type { Watcher } from '../shared/watcher.ts';

/** Answers a request; throws errors, which middleware/errors.ts turns into statuses. */
export type Handler = (ctx: Context, deps: Deps) => Promise<void> | void;

export interface Deps {
  readonly broker: Broker;
  readonly producer: Producer;
  readonly watcher: Watcher;
  readonly log: Log;
  /** Largest request body in bytes. */
  readonly maxBodyBytes: number;
  /** Aborted when the process stops: waits and streams end. */
  readonly stopping: AbortSignal;
}
