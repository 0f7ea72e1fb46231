/** Accepts requests to send tasks: checks them whole, turns them into messages, stores them. */
import { createAdmission } from './admission.ts';
import type { Broker, Moment } from './broker.ts';
import type { Catalog } from './catalog.ts';
import { createGathering } from './gathering.ts';
import type { TaskMessage } from './message.ts';
import { accept, acceptAll, type Sender } from './request.ts';
import type { RouteRule } from './routing.ts';
import { repeated, repeatOf, type Sent, storeAllOrNone, storeUnlessTwins } from './storing.ts';
import { findTwin, letGo } from './uniqueness.ts';

export interface Producer {
  /**
   * Sends one task; those of one moment share one write to Redis, each with its own answer.
   * @param request a SendTask body, checked here
   * @throws InvalidRequestError, TaskConflictError, QueueFullError, BrokerUnavailableError
   */
  send(request: unknown, options?: SendingOptions): Promise<Sent>;
  /** Sends many, all or none; fields of errors are counted from `/tasks/0`. */
  sendMany(requests: readonly unknown[]): Promise<Sent[]>;
}

export interface SendingOptions {
  /** The task that sends it. */
  readonly parent?: NonNullable<Sender['parent']>;
  /** Told the id of a request that is fine, before the task is stored. */
  accepted?(id: string): void;
}

export interface ProducerOptions {
  readonly broker: Broker;
  readonly catalog: Catalog;
  /** Queues of tasks that name none. Default: none */
  readonly routes?: readonly RouteRule[];
  /** Waiting tasks at which a queue takes no more; 0 = no limit. Default: 0 */
  readonly queueMaxLength?: number;
}

export function createProducer({
  broker,
  catalog,
  routes = [],
  queueMaxLength = 0,
}: ProducerOptions): Producer {
  const sender: Sender = { catalog, routes };
  const storage = { broker, admission: createAdmission(broker, queueMaxLength) };
  const store = createGathering(storage);

  /** While the broker is away, its clock cannot be read: of what is wrong, the sender is told all the same. */
  const timed = <T>(make: (now: Moment) => Promise<T>): Promise<T> => {
    const now = broker.clock.read();
    if (!(now instanceof Promise)) return make(now);
    const told = now.catch(async (error: unknown) => {
      const ms = broker.clock.now();
      await make({ earliest: ms, latest: ms });
      throw error;
    });
    return told.then(make);
  };

  const sendUnique = async (message: TaskMessage): Promise<Sent> => {
    const repeat = await repeatOf(broker, message);
    if (repeat) return repeat;
    const twin = await findTwin(broker, message);
    if (twin) return repeated(twin.result);
    return store(message).catch(async (error: unknown) => {
      await letGo(broker, [message]);
      throw error;
    });
  };

  return {
    async send(request, { parent, accepted } = {}) {
      const message = await timed((now) =>
        accept(request, parent ? { ...sender, parent } : sender, now),
      );
      accepted?.(message.id);
      return message.unique ? sendUnique(message) : store(message);
    },
    async sendMany(requests) {
      const messages = await timed((now) => acceptAll(requests, sender, now));
      const isOnce = messages.some(({ unique }) => unique);
      return isOnce ? storeUnlessTwins(storage, messages) : storeAllOrNone(storage, messages);
    },
  };
}
