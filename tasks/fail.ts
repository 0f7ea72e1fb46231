/** Shows what a failure looks like: its class, message and traceback, after its retries. */
import { z } from 'zod';
import { defineTask } from '../client/index.ts';

class PaymentRefused extends Error {}

export const fail = defineTask('fail', {
  description: 'Always fails; max_retries of the call says how often it is tried again',
  input: z.object({ message: z.string().default('the card was refused') }),
  retry: { max: 0, delay: 0.2, maxDelay: 2 },
  run({ message }) {
    throw new PaymentRefused(message);
  },
});
