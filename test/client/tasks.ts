/** Tasks that show a client everything it can see of one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineTask } from '../../client/index.ts';

export const add = defineTask('add', {
  input: z.object({ a: z.number(), b: z.number() }),
  run: ({ a, b }) => a + b,
});

/** Runs until it is told to stop, or for so many milliseconds; tells that it has begun. */
export const long = defineTask('long', {
  input: z.object({ ms: z.number() }),
  async run({ ms }, ctx) {
    await ctx.progress({ begun: true });
    await sleep(ms, undefined, { signal: ctx.signal });
    return 'done';
  },
});

/** Tells each step, slowly enough to be seen. */
export const count = defineTask('count', {
  input: z.object({ to: z.number() }),
  async run({ to }, ctx) {
    for (let n = 1; n <= to; n++) {
      await ctx.progress({ n });
      await sleep(300);
    }
  },
});

class PaymentRefused extends Error {}

export const refuse = defineTask('refuse', {
  input: z.object({ message: z.string().default('the card was refused') }),
  retry: { max: 0, delay: 0.01 },
  run({ message }): string {
    throw new PaymentRefused(message);
  },
});

/** What the task sees of the options of its call. */
export const mirror = defineTask('mirror', {
  run: (_input: { [name: string]: unknown }, ctx) => ({
    args: ctx.args,
    queue: ctx.queue,
    headers: ctx.headers,
    tags: ctx.tags,
    maxRetries: ctx.maxRetries,
  }),
});

/** Writes so many lines, one after the other, and fails. */
export const chatter = defineTask('chatter', {
  input: z.object({ lines: z.number() }),
  retry: { max: 0, delay: 0.01 },
  async run({ lines }, ctx): Promise<void> {
    for (let n = 1; n <= lines; n++) {
      ctx.log.info(`line ${n}`);
      await sleep(60);
    }
    throw new Error('enough said');
  },
});

export const all = [add, long, count, refuse, mirror, chatter];
