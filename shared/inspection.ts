/** What workers answer when they are asked about themselves: one shape for each inspect command. */
import type { Bounds } from './autoscale.ts';
import type { TaskSpec } from './registry.ts';
import type { TaskLimitsRequest } from './schemas.ts';
import type { RunIn } from './taskOptions.ts';

/** A task that runs now. */
export interface ActiveTask {
  readonly task_id: string;
  readonly name: string;
  /** null where they are too large to be shown, over 1 KiB: the task's record has them. */
  readonly args: readonly unknown[] | null;
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  readonly queue: string;
  readonly retries: number;
  readonly started_at: string;
  readonly run_in: RunIn;
  readonly priority: number;
  readonly worker: string;
}

/** A task that is due later. */
export interface ScheduledTask {
  readonly eta: string;
  readonly task_id: string;
  readonly name: string | null;
  readonly queue: string;
}

/** A task that the worker has, with the limits that hold now. */
export interface RegisteredTask {
  readonly name: string;
  /** As they hold: those of the task, over them limits set at run time, below them the worker's settings. */
  readonly options: Omit<TaskSpec['options'], keyof TaskLimitsRequest> & TaskLimitsRequest;
}

export interface RunTotals {
  readonly fetched: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
}

export interface QueueStats {
  readonly name: string;
  readonly concurrency: number;
  readonly active: number;
  readonly totals: RunTotals;
  readonly autoscale: Bounds | null;
}

export interface WorkerStats {
  readonly pid: number;
  readonly version: string;
  /** Seconds. */
  readonly uptime: number;
  /** Tasks that run now, also those of queues that were cancelled. */
  readonly active: number;
  /** Since the start. */
  readonly totals: RunTotals;
  readonly queues: readonly QueueStats[];
  readonly memory: { readonly rss_mb: number; readonly heap_used_mb: number };
  /** Seconds of processor time. */
  readonly cpu: { readonly user: number; readonly system: number };
  /** Longest stall of the event loop since the last heartbeat. */
  readonly loop_lag_ms: number;
  /** Threads and processes: how many there are, and how many of them run a task. */
  readonly children: Readonly<
    Record<string, { readonly children: number; readonly busy: number; readonly idle: number }>
  >;
}

export interface InspectAnswers {
  readonly ping: 'pong';
  readonly active: readonly ActiveTask[];
  /** Always empty: tasks are taken when they can run, none ahead. */
  readonly reserved: readonly never[];
  readonly scheduled: readonly ScheduledTask[];
  readonly revoked: readonly string[];
  readonly registered: readonly RegisteredTask[];
  readonly stats: WorkerStats;
  /** Settings by the names of their flags, without passwords. */
  readonly conf: Readonly<Record<string, unknown>>;
}

export type InspectCommand = keyof InspectAnswers;

/** What workers said; one that could not answer says why. */
export interface Inspection<Command extends InspectCommand = InspectCommand> {
  readonly command: Command;
  readonly workers: Readonly<Record<string, InspectAnswers[Command] | { readonly error: string }>>;
  /** Workers alive that did not answer in time. */
  readonly missing: readonly string[];
}
