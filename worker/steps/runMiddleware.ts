import { hasMiddleware, throughMiddleware } from '../../shared/middleware.ts';
import type { Step } from '../context.ts';

/** The user's own middleware around the work, on the worker's loop wherever the task runs. */
export const runMiddleware: Step = async function runMiddleware(run, next) {
  if (!hasMiddleware()) {
    await next();
    return;
  }
  run.value = await throughMiddleware(run.ctx, async () => {
    await next();
    return run.value;
  });
};
