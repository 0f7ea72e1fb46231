/** How long a client is willing to wait: `?wait=N`, or `Prefer: wait=N` as in RFC 7240. */
import type { Context } from 'koa';
import { linked } from '../shared/abort.ts';
import { InvalidRequestError } from '../shared/errors.ts';
import { MAX_WAIT } from '../shared/schemas.ts';

/** Milliseconds, at most 60 s; says in the answer that a preference was taken. */
export function waitMsOf(ctx: Context): number {
  if (ctx.querystring === '' && ctx.req.headers.prefer === undefined) return 0;
  const preferred = preferredWait(ctx.get('prefer'));
  if (preferred === undefined) return queryWait(ctx.query.wait) * 1000;
  const seconds = Math.min(preferred, MAX_WAIT);
  ctx.set('preference-applied', `wait=${seconds}`);
  return seconds * 1000;
}

function preferredWait(header: string): number | undefined {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(header);
  // A preference that makes no sense is ignored (RFC 7240, section 2).
  return match ? Number(match[1]) : undefined;
}

function queryWait(text: string | string[] | undefined): number {
  if (text === undefined) return 0;
  const seconds = Number(text);
  if (text !== '' && seconds >= 0) return Math.min(seconds, MAX_WAIT);
  const message = `expected seconds between 0 and ${MAX_WAIT}, got "${text}"`;
  throw new InvalidRequestError([{ path: '/wait', message }]);
}

/** A signal that ends a wait: the client has gone, or the process stops. */
export function leaving(ctx: Context, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const { signal, unlink } = linked(gone.signal, stopping);
  const leave = () => {
    gone.abort();
    unlink();
  };
  // Gone before anybody listened: `close` would not come again.
  if (ctx.res.closed) leave();
  else ctx.res.once('close', leave);
  return signal;
}
