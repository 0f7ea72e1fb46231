import { defineTask } from 'kaje';
import { z } from 'zod';

export const countPrimes = defineTask('count_primes', {
  input: z.object({ below: z.number().int().min(2).max(1e8) }),
  runIn: 'thread', // it computes: here it keeps nobody from working
  timeLimit: 30, // seconds, after which the thread is ended
  run({ below }, ctx) {
    const isComposite = new Uint8Array(below);
    let count = 0;
    for (let n = 2; n < below; n++) {
      if (isComposite[n]) continue;
      count++;
      for (let multiple = n * n; multiple < below; multiple += n) isComposite[multiple] = 1;
    }
    ctx.log.info('counted', { below, count });
    return count;
  },
});
