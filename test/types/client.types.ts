/** What the client's types promise, proved by the compiler alone: this file is never run. */
import type {
  ActiveTask,
  ClusterEvent,
  TaskFailedError,
  TaskFailedEvent,
  TaskRetriedEvent,
  TaskSucceededEvent,
} from '../../client/index.ts';
import { type AsyncResult, defineTask, Kaje } from '../../client/index.ts';
import type { ClusterEventBody } from '../../shared/schemas.ts';
import type * as tasks from '../client/tasks.ts';

/** Whether two types are the very same, which assignability does not say. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_proof: Same<A, B>) => {};

const kaje = new Kaje<typeof tasks>({ url: 'http://127.0.0.1:8000' });

export async function results(): Promise<void> {
  const sum = await kaje.sendTask('add', { a: 1, b: 2 });
  same<typeof sum, AsyncResult<number>>(true);
  same<Awaited<ReturnType<typeof sum.get>>, number>(true);
  const either = await sum.get({ propagate: false });
  same<typeof either, number | TaskFailedError>(true);
  // Async tasks resolve: no Promise in the type of the result.
  same<Awaited<ReturnType<typeof kaje.sendTask<'long'>>>, AsyncResult<string>>(true);
  same<Awaited<ReturnType<AsyncResult['get']>>, unknown>(true);
}

export async function inputs(): Promise<void> {
  // A schema in which everything has a default: the input may be left out.
  await kaje.sendTask('refuse');
  await kaje.sendTask('refuse', {}, { countdown: 1 });
  await kaje.sendTask('refuse', { message: 'no' });
  // One time of the two.
  await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 1 });
  await kaje.sendTask('add', { a: 1, b: 2 }, { eta: new Date() });
  await kaje.sendTasks([
    { name: 'add', input: { a: 1, b: 2 }, options: { tags: ['x'] } },
    { name: 'long', input: { ms: 1 } },
    { name: 'refuse' },
  ]);
}

/** The type of an event says which fields it has. */
export async function events(): Promise<void> {
  for await (const event of kaje.events()) {
    same<typeof event, ClusterEvent>(true);
    switch (event.type) {
      case 'task-succeeded':
        same<typeof event, TaskSucceededEvent>(true);
        same<typeof event.runtime, number>(true);
        break;
      case 'task-failed':
        same<typeof event.error.message, string>(true);
        break;
      case 'worker-offline':
        same<typeof event.worker, string>(true);
        break;
      default:
        same<typeof event.timestamp, string>(true);
    }
    // What is told fits into the one flat object of the contract.
    const told: ClusterEventBody = event;
    same<typeof told.type, ClusterEvent['type']>(true);
  }
  for await (const event of kaje.events({ types: ['task-failed', 'task-retried'] })) {
    same<typeof event, TaskFailedEvent | TaskRetriedEvent>(true);
  }
}

/** Each question has answers of its own. */
export async function inspections(): Promise<void> {
  const { workers } = await kaje.inspect('active', { workers: ['w1'], timeout: 2 });
  same<(typeof workers)[string], readonly ActiveTask[] | { readonly error: string }>(true);
}

/** Without a type parameter names and inputs are checked by the API, not by the compiler. */
export async function untyped(): Promise<void> {
  const anything = await new Kaje({ redis: 'redis://127.0.0.1' }).sendTask('any', { x: 1 });
  same<typeof anything, AsyncResult<unknown>>(true);
}

/** The type of the input can be written down instead of a schema. */
export const typed = defineTask('typed', {
  run: ({ to }: { to: string }) => to.length,
});
same<(typeof typed)['name'], 'typed'>(true);
