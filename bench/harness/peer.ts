/** A task system that takes part: how to fill it, how to work it off, how to see what is done. */
import type { BenchPostgres } from './postgres.ts';
import type { Command } from './processes.ts';
import type { BenchRedis } from './redis.ts';

/** `noop` returns a number; `flaky` fails in its first run and is to be run again at once. */
export type TaskName = 'noop' | 'flaky';

export interface Peer {
  readonly name: string;
  readonly title: string;
  /** How it is set, and what is odd about it, in one sentence. */
  readonly settings: string;
  /** What to do where it is missing. */
  readonly install: string;
  /** Tasks that keep it busy for some 5 to 15 seconds. */
  readonly tasks: number;
  /** Differs from another one in its worker only, so that what it stores need not be measured. */
  readonly isVariant?: boolean;
  /** Where fewer cannot be measured, however small the run is. */
  readonly leastTasks?: number;
  /** Whether all that it keeps is in Redis. */
  readonly isOnRedis: boolean;
  /** Whether it can run a failed task again without delay. */
  readonly retriesAtOnce: boolean;
  /** Undefined where it is not installed. */
  version(): Promise<string | undefined>;
  /** The place where it keeps its tasks, empty. */
  open(ground: Ground): Promise<Store>;
  /** Stores `BENCH_COUNT` tasks named `BENCH_TASK` with `BENCH_PAYLOAD`, and ends. */
  readonly fill: Command;
  /** Works until it is told to end. */
  readonly work: Command;
  /** Sends tasks for some seconds in a closed loop; not of peers that share another's client. */
  readonly send?: Command;
  /** How it sends, in one sentence. Default: `settings` */
  readonly sends?: string;
  /** Its client waits for each answer before it sends more. */
  readonly sendsOneAtATime?: boolean;
  /** Whether its client has a way to send many at once. */
  readonly hasBulk?: boolean;
}

/** What peers stand on. */
export interface Ground {
  readonly redis: BenchRedis;
  /** Started when somebody needs it. */
  postgres(): Promise<BenchPostgres>;
  /** Folder for what processes write. */
  readonly dir: string;
}

/** An empty place that a peer keeps its tasks in, and the numbers that the harness reads there. */
export interface Store {
  /** Variables that its programs find the place by. */
  readonly env: Readonly<Record<string, string>>;
  /** Tasks whose result is stored; costs next to nothing. */
  done(): Promise<number>;
  /** Runs that have left a result, of a peer where a run that is to be repeated leaves one as well. */
  readonly runs?: () => Promise<number>;
  /** Milliseconds between two looks at `done`. */
  readonly pollMs: number;
  /** Seconds of processor time that the server has used. */
  cpu(): Promise<number>;
}

/** The keyword arguments of every task, some 50 bytes of JSON. */
export const PAYLOAD = '{"to":"ada@example.com","template":"welcome","n":12345}';
