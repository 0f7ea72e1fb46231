/** Unique tasks and a producer of which each question for a uniqueness is counted. */
import { z } from 'zod';
import type { Broker } from '../../shared/broker.ts';
import { createCatalog } from '../../shared/catalog.ts';
import { createProducer, type ProducerOptions } from '../../shared/producer.ts';
import { defineTask } from '../../shared/task.ts';
import { publish, startTestBroker } from './broker.ts';

const run = () => undefined;
const input = z.object({ to: z.string(), text: z.string().optional() });
const tasks = [
  defineTask('whole', { input, unique: {}, run }),
  defineTask('keyed', { input, unique: { key: ['to'] }, run }),
  defineTask('brief', { input, unique: { ttl: 1 }, run }),
  defineTask('free', { unique: {}, run }),
  defineTask('free_keyed', { unique: { key: ['to'] }, run }),
  defineTask('twin', { input, unique: {}, queue: 'other', run }),
];

/** A producer of its own on the prefix of another one, or on a fresh one. */
export async function startProducer(
  config?: Parameters<typeof startTestBroker>[0],
  options: Partial<ProducerOptions> = {},
) {
  const test = await startTestBroker(config);
  await publish(test, tasks);
  let claims = 0;
  const broker: Broker = {
    ...test.broker,
    claimUnique(...claim) {
      claims++;
      return test.broker.claimUnique(...claim);
    },
  };
  const producer = createProducer({ broker, catalog: createCatalog(broker), ...options });
  const send = async (name: string, request: object = {}) => {
    const { result, replayed } = await producer.send({ name, ...request });
    return { id: result.task_id, replayed };
  };
  const stored = async () => {
    const queues = await broker.queues();
    return queues.reduce((sum, { waiting, delayed }) => sum + waiting + delayed, 0);
  };
  /** Claims seem to be so old. */
  const age = async (ms: number): Promise<void> => {
    for (const key of await test.redis.keys(test.keys.unique('*'))) {
      const [since, id] = ((await test.redis.get(key)) ?? '').split(' ');
      await test.redis.set(key, `${Number(since) - ms} ${id}`, 'KEEPTTL');
    }
  };
  /** How often Redis is asked who holds a uniqueness until that is done: again and again where one waits. */
  const claimsOf = async (doing: Promise<unknown>) => {
    const before = claims;
    await doing;
    return claims - before;
  };
  return { ...test, broker, producer, send, stored, claimsOf, age };
}

export type UniqueTest = Awaited<ReturnType<typeof startProducer>>;

export const to = (name: string, more: object = {}) => ({ kwargs: { to: name, ...more } });
