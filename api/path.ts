import type { Context } from 'koa';

/** The path that was asked for; undefined for a target that is no URL, on which Koa's own throws. */
export function pathOf(ctx: Context): string | undefined {
  try {
    return ctx.path;
  } catch {
    return undefined;
  }
}
