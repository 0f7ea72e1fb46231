/** What a task has written, and how its runs have failed. */
import type { Context } from 'koa';
import { InvalidRequestError } from '../../shared/errors.ts';
import type { Deps } from '../handler.ts';

export async function taskLogs(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = await broker.logs(String(ctx.params.task_id), afterOf(ctx.query.after));
}

export async function taskAttempts(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = { attempts: await broker.attempts(String(ctx.params.task_id)) };
}

function afterOf(text: string | string[] | undefined): number {
  if (text === undefined || text === '') return 0;
  const after = Number(text);
  if (/^\d+$/.test(String(text)) && Number.isSafeInteger(after)) return after;
  const message = `expected the number of a line, 0 or more, got "${text}"`;
  throw new InvalidRequestError([{ path: '/after', message }]);
}
