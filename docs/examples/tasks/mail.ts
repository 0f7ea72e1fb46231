import { defineTask } from 'kaje';
import { z } from 'zod'; // or any other Standard Schema library, or none

export const sendMail = defineTask('send_mail', {
  input: z.object({ to: z.email(), subject: z.string().default('Hello') }),
  retry: { max: 5, delay: 1, maxDelay: 60 }, // seconds; backoff and full jitter are on
  async run({ to, subject }, ctx) {
    await ctx.progress({ step: 'connecting' });
    return { sent: to, subject };
  },
});
