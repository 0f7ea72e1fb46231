import { defineTask } from 'kaje';
import { z } from 'zod';

class HttpError extends Error {}

export const thumbnail = defineTask('thumbnail', {
  description: 'Makes a small picture of a large one',
  input: z.object({ url: z.url(), width: z.number().int().positive().default(200) }),
  queue: 'pictures',
  retry: { max: 5, delay: 2, maxDelay: 120, on: [HttpError] },
  resultExpires: 3600,
  async run({ url, width }, ctx) {
    const response = await fetch(url, { signal: ctx.signal });
    if (!response.ok) throw new HttpError(`${url} answered ${response.status}`);
    await ctx.progress({ step: 'scaling' });
    return { width, bytes: (await response.arrayBuffer()).byteLength };
  },
});
