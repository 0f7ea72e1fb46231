/** How long a client is willing to wait: `?wait=N`, or `Prefer: wait=N` as in RFC 7240. */
import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { type Leaving, whenAborted } from '../shared/abort.ts';
import { InvalidRequestError } from '../shared/errors.ts';
import { MAX_WAIT } from '../shared/schemas.ts';

/** Milliseconds, at most 60 s; says in the answer that a preference was taken. */
export function waitMsOf(ctx: Context): number {
  if (ctx.querystring === '' && ctx.req.headers.prefer === undefined) return 0;
  const preferred = preferredWait(ctx.get('prefer'));
  if (preferred === undefined) return queryWaitMs(ctx.query.wait);
  const seconds = Math.min(preferred, MAX_WAIT);
  ctx.set('preference-applied', `wait=${seconds}`);
  return seconds * 1000;
}

/** Milliseconds of what a client has asked for. */
export function waitMsFrom(seconds: number): number {
  return Math.min(seconds, MAX_WAIT) * 1000;
}

function preferredWait(header: string): number | undefined {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(header);
  // A preference that makes no sense is ignored (RFC 7240, section 2).
  return match ? Number(match[1]) : undefined;
}

function queryWaitMs(text: string | string[] | undefined): number {
  if (text === undefined) return 0;
  const seconds = Number(text);
  if (text !== '' && seconds >= 0) return waitMsFrom(seconds);
  const message = `expected seconds, of which at most ${MAX_WAIT} are waited, got "${text}"`;
  throw new InvalidRequestError([{ path: '/wait', message }]);
}

/**
 * Leaves when the client has gone, or the process stops. No signal of its own for each request: to make
 * one and to abort it cost 35 us.
 */
export function leaving(res: ServerResponse, stopping: AbortSignal): Leaving {
  return (leave) => {
    const stay = whenAborted(stopping)(leave);
    // Gone before anybody listened: `close` would not come again.
    if (res.closed) process.nextTick(leave);
    else res.once('close', leave);
    return () => {
      stay();
      res.off('close', leave);
    };
  };
}
