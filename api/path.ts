import type { Context } from 'koa';

/** The path that was asked for; undefined for a target that is no URL, on which Koa's own throws. */
export function pathOf(ctx: Context): string | undefined {
  try {
    return ctx.path;
  } catch {
    return undefined;
  }
}

/** A reference from what was asked for; with a slash at its end, which the router takes, it is one level deeper. */
export function besideAsked({ path }: Context, reference: string): string {
  return path.endsWith('/') ? `../${reference}` : reference;
}
