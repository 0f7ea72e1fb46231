/** Tasks with limits, and how the lines of those that wait for their turn stand. */
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { eventually } from './eventually.ts';
import { gate, type Life } from './life.ts';

/** A task `single` of which each run waits until it is let go by its id; notes who runs, and who ever ran. */
export function gatedTask(maxConcurrency: number) {
  const gates = new Map<string, () => void>();
  const order: string[] = [];
  const task = defineTask('single', {
    maxConcurrency,
    async run(_: object, { id }: TaskContext) {
      const { open, opened } = gate();
      gates.set(id, open);
      order.push(id);
      await opened;
      gates.delete(id);
    },
  });
  return {
    task,
    order,
    running: () => [...gates.keys()],
    letGo: (id: string) => gates.get(id)?.(),
  };
}

/** Resolves once so many tasks `single` are parked. */
export const parked = (life: Life, count: number) =>
  eventually(async () => (await life.redis.zcard(life.keys.parked('single'))) === count);

/** A task `paced` that notes when and in which order it was started. */
export function pacedTask(rateLimit: string) {
  const order: string[] = [];
  const starts: number[] = [];
  const task = defineTask('paced', {
    rateLimit,
    run(_: object, { id }: TaskContext) {
      order.push(id);
      starts.push(performance.now());
    },
  });
  return { task, order, starts };
}

/** Resolves once so many tasks `paced` have a slot. */
export const reserved = (life: Life, count: number) =>
  eventually(async () => (await life.redis.zcard(life.keys.reserved('paced'))) === count);

/** Seconds until a task is due. */
export const dueIn = async (life: Life, id: string) =>
  (Date.parse((await life.read(id)).eta ?? '') - Date.now()) / 1000;
