/** The tasks that workers serve, as this process last read them: sends cost no look-up. */
import type { Broker } from './broker.ts';
import type { TaskSpec } from './registry.ts';

export interface Catalog {
  /** The task of this name, also one that a worker has published since the last look. */
  find(name: string): Promise<TaskSpec | undefined>;
  /** Names for "did you mean". */
  names(): Iterable<string>;
}

/** Unknown names are looked up in Redis again, but not more often than this, whoever asks. */
const LOOK_AGAIN_MS = 100;

export function createCatalog(
  broker: Pick<Broker, 'specs' | 'onRegistryChange'>,
  now = Date.now,
): Catalog {
  let specs: ReadonlyMap<string, TaskSpec> = new Map();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const read = (): Promise<void> => {
    reading ??= broker
      .specs()
      .then((found) => {
        specs = found;
        readAt = now();
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  // What fails here is read again at the next miss.
  broker.onRegistryChange(() => void read().catch(() => undefined));

  return {
    async find(name) {
      const known = specs.get(name);
      if (known || now() - readAt < LOOK_AGAIN_MS) return known;
      await read();
      return specs.get(name);
    },
    names: () => specs.keys(),
  };
}
