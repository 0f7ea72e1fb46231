import type { Step } from '../context.ts';
import { inputOf } from '../input.ts';

/** Binds the arguments and checks them. */
export const checkInput: Step = async function checkInput(run, next) {
  run.input = await inputOf(run.task, run.ctx);
  await next();
};
