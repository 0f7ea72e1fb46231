/** What a task leaves behind beside its record: the lines of its log, and how its runs have failed. */
import type { Redis } from 'ioredis';
import { attemptsOf } from '../attempts.ts';
import { TaskNotFoundError } from '../errors.ts';
import type { Keys } from '../keys.ts';
import { answered } from '../redis.ts';
import type { TaskRecord } from '../results.ts';
import type { AttemptBody, TaskLogLine, TaskLogsBody } from '../schemas.ts';
import { readLogs } from '../scripts.ts';

export interface HistoryOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  read(ids: readonly string[]): Promise<(TaskRecord | null)[]>;
}

export function createHistory({ redis, keys, read }: HistoryOptions) {
  const resultOf = async (id: string) => {
    const [record] = await read([id]);
    if (!record) throw new TaskNotFoundError(id);
    return record.result;
  };

  return {
    async logs(id: string, after: number): Promise<TaskLogsBody> {
      const { queue, sent_at: sentAt } = await resultOf(id);
      const stored = readLogs(redis, keys, { queue, id, after });
      const [total, lines] = await answered(redis, stored);
      const first = total - lines.length + 1;
      return { logs: lines.map((line, i) => lineOf(line, first + i, sentAt)), total };
    },
    async attempts(id: string): Promise<AttemptBody[]> {
      const { queue, successful } = await resultOf(id);
      const fields = redis.hmget(keys.job(queue, id), 'stacktrace', 'failedReason', 'atm');
      const [stacktrace = null, failedReason = null, atm = null] = await answered(redis, fields);
      return attemptsOf({ stacktrace, failedReason, atm }, successful);
    },
  };
}

function lineOf(json: string, number: number, sentAt: string): TaskLogLine {
  try {
    return { number, ...JSON.parse(json) };
  } catch {
    // Plain text is what other BullMQ programs write there.
    return { number, at: sentAt, level: 'info', message: json, fields: {}, attempt: 1 };
  }
}
