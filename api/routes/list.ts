/** GET /v1/tasks: tasks by what is known of them, page by page. */
import type { Context } from 'koa';
import { parseTaskQuery } from '../../shared/taskQuery.ts';
import type { Deps } from '../handler.ts';

export async function listTasks(ctx: Context, { broker }: Deps): Promise<void> {
  const page = await broker.list(parseTaskQuery(ctx.query));
  if (page.next_cursor !== null) ctx.set('link', `<${nextOf(ctx, page.next_cursor)}>; rel="next"`);
  ctx.body = page;
}

/** The same question behind the cursor (RFC 8288), wherever it was asked. */
function nextOf({ querystring }: Context, cursor: string): string {
  const query = new URLSearchParams(querystring);
  query.set('cursor', cursor);
  return `?${query}`;
}
