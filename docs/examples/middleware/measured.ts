import { defineTask, use } from 'kaje';

// Around every task of the workers that import this module.
use(async (ctx, next) => {
  const since = performance.now();
  try {
    return await next();
  } finally {
    ctx.log.info('measured', { ms: Math.round(performance.now() - since) });
  }
});

// Inside the one above: refuses work before it begins.
use(async (ctx, next) => {
  if (ctx.headers.tenant === 'closed') throw new Error('this tenant is closed');
  return next();
});

export const greet = defineTask('greet', {
  run: ({ name }: { name: string }) => `Hello ${name}`,
});
