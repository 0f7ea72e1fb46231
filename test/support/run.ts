/** One run of a task for tests of its steps, without a queue. */
import type { Config } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import type { TaskMessage } from '../../shared/message.ts';
import type { StoredProgress } from '../../shared/results.ts';
import type { Task } from '../../shared/task.ts';
import { createRun } from '../../worker/run.ts';
import { messageOf } from './broker.ts';
import { defer } from './defer.ts';
import { testConfig } from './redis.ts';
import { testTools } from './tools.ts';

export interface RunOptions {
  readonly retries?: number;
  /** Default: 1 */
  readonly start?: number;
  /** Losses charged to it. Default: 0 */
  readonly losses?: number;
  readonly resultMaxBytes?: number;
  readonly message?: Partial<TaskMessage>;
  readonly config?: Partial<Config>;
  /** Whether the worker has the task. Default: true */
  readonly isKnown?: boolean;
  /** The worker's log. Default: silent */
  readonly log?: Log;
  /** What becomes of each progress that is to be stored. Default: it is stored at once. */
  readonly store?: () => Promise<unknown>;
}

/** `stored` collects what the task reports as its progress. */
export function testRun(task: Task, options: RunOptions = {}) {
  const { retries = 0, start = 1, losses = 0, resultMaxBytes = 1024 } = options;
  const { message: given = {}, store } = options;
  const { config = {}, isKnown = true, log } = options;
  const stored: StoredProgress[] = [];
  const { run, end } = createRun({
    message: messageOf('id-1', { name: task.name, ...given }),
    retries,
    start,
    losses,
    tools: testTools(
      testConfig({ resultMaxBytes, ...config }),
      isKnown ? [task] : [],
      log ? { log } : {},
    ),
    async store(progress) {
      stored.push(progress);
      await store?.();
    },
  });
  defer(end);
  return { run, stored, end };
}
