/** The smallest task there is. */
import { z } from 'zod';
import { defineTask } from '../client/index.ts';

export const add = defineTask('add', {
  description: 'Adds two numbers',
  input: z.object({ a: z.number(), b: z.number() }),
  run: ({ a, b }) => a + b,
});
