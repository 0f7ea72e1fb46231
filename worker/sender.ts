/** Sends the children of tasks (`ctx.send`): a producer of its own, made when the first one is sent. */
import type { Redis } from 'ioredis';
import type { Broker } from '../shared/broker.ts';
import { createRedisBroker } from '../shared/brokers/redis.ts';
import { createCatalog } from '../shared/catalog.ts';
import type { Config } from '../shared/config.ts';
import type { Log } from '../shared/log.ts';
import type { TaskMessage } from '../shared/message.ts';
import { createProducer, type Producer } from '../shared/producer.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../shared/redis.ts';
import { redisTarget } from '../shared/redisTarget.ts';
import { requestOf, type SendOptions } from '../shared/sendOptions.ts';
import type { Service } from './every.ts';

export interface TaskSender extends Service {
  /** Sends a task as the child of another and notes it there; resolves with its id. */
  send(
    parent: TaskMessage,
    name: string,
    input: object | undefined,
    options: SendOptions,
  ): Promise<string>;
}

export type SenderConfig = Pick<
  Config,
  | 'redisUrl'
  | 'redisCa'
  | 'redisCert'
  | 'redisKey'
  | 'prefix'
  | 'queueMaxLength'
  | 'redisMemoryLimit'
  | 'routes'
>;

const CONNECT_MS = 5000;

export function createSender(config: SenderConfig, log: Log): TaskSender {
  let made: { broker: Broker; producer: Producer; connected: Promise<void> } | undefined;

  const parts = () => {
    made ??= make(config, log);
    return made;
  };
  return {
    name: 'sender',
    start: () => undefined,
    async stop() {
      await made?.broker.close();
    },
    async send(parent, name, input, options) {
      const { broker, producer, connected } = parts();
      await connected;
      const rootId = parent.body.root_id ?? parent.id;
      const child = await producer.send(requestOf(name, input, options), {
        parent: { id: parent.id, rootId },
      });
      // The child is stored: an error would make a task send it once more.
      await broker.addChild(parent, child.id).catch(() => undefined);
      return child.id;
    },
  };
}

/** Fails fast, on connections of its own: a task is told of an outage, and may be retried for it. */
function make(config: SenderConfig, log: Log) {
  const { prefix, queueMaxLength, redisMemoryLimit: memoryLimit, routes } = config;
  const quiet = log.child({ connection: 'sender' }, { level: 'silent' });
  const target = redisTarget(config);
  const redis: Redis = connectFailingFast(target, quiet);
  const subscriber = connectPatiently(target, quiet);
  const broker = createRedisBroker({ redis, subscriber, prefix, memoryLimit });
  const catalog = createCatalog(broker);
  const producer = createProducer({ broker, catalog, queueMaxLength, routes });
  return { broker, producer, connected: whenConnected(redis, CONNECT_MS) };
}
