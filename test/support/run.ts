/** One run of a task for tests of its steps, without a queue. */
import type { TaskMessage } from '../../shared/message.ts';
import { createRegistry } from '../../shared/registry.ts';
import type { StoredProgress } from '../../shared/results.ts';
import type { Task } from '../../shared/task.ts';
import { createRun } from '../../worker/run.ts';
import { messageOf } from './broker.ts';
import { defer } from './defer.ts';
import { silentLog } from './redis.ts';

export interface RunOptions {
  readonly retries?: number;
  readonly resultMaxBytes?: number;
  readonly message?: Partial<TaskMessage>;
  /** What becomes of each progress that is to be stored. Default: it is stored at once. */
  readonly store?: () => Promise<unknown>;
}

/** `stored` collects what the task reports as its progress. */
export function testRun(task: Task, options: RunOptions = {}) {
  const { retries = 0, resultMaxBytes = 1024, message: given = {}, store } = options;
  const stored: StoredProgress[] = [];
  const { run, end } = createRun({
    message: messageOf('id-1', { name: task.name, ...given }),
    registry: createRegistry([[task, 'the test']]),
    retries,
    resultMaxBytes,
    start: 1,
    worker: 'w1',
    signal: new AbortController().signal,
    log: silentLog(),
    async store(progress) {
      stored.push(progress);
      await store?.();
    },
  });
  defer(end);
  return { run, stored, end };
}
