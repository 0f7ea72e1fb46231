/** A broker, and what becomes of the tasks that are sent over it: for tests of a task's life. */
import type { Config } from '../../shared/config.ts';
import type { MessageBody } from '../../shared/message.ts';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { messageOf, startTestBroker } from './broker.ts';
import { eventually } from './eventually.ts';
import { testConfig } from './redis.ts';

export async function startLife(given: Partial<Config> = {}) {
  const test = await startTestBroker(testConfig(given));
  const { broker } = test;

  const read = async (id: string): Promise<AsyncResultBody> => {
    const [record] = await broker.read([id]);
    if (!record) throw new Error(`No task ${id}`);
    return record.result;
  };
  return {
    ...test,
    read,
    /** Stores tasks of this name, in this order, with these ids. */
    send: (name: string, ids: readonly string[], body: MessageBody = {}) =>
      broker.add(ids.map((id) => messageOf(id, { name, body: { kwargs: {}, ...body } }))),
    /** The record, once it is as `isSo` says. */
    once: (id: string, isSo: (result: AsyncResultBody) => boolean, withinMs?: number) =>
      eventually(async () => {
        const result = await read(id);
        return isSo(result) && result;
      }, withinMs),
    becomes: (id: string, state: string, withinMs?: number) =>
      eventually(async () => {
        const result = await read(id);
        return result.state === state && result;
      }, withinMs),
    /** The record of its end. */
    end: (id: string, withinMs?: number) =>
      eventually(async () => {
        const result = await read(id);
        return result.ready && result;
      }, withinMs),
  };
}

export type Life = Awaited<ReturnType<typeof startLife>>;

export const ids = (count: number, prefix = 't'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(5, '0')}`);

/** A promise and what resolves it. */
export function gate<T = void>() {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
