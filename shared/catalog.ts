/** The tasks that workers serve, as this process last read them: sends cost no look-up. */
import { setTimeout as sleep } from 'node:timers/promises';
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
  // A read under way may have been sent before the change; what fails is read again at the next miss.
  const readAnew = async () => {
    await reading?.catch(() => undefined);
    await read();
  };
  broker.onRegistryChange(() => void readAnew().catch(() => undefined));

  return {
    async find(name) {
      if (!specs.has(name)) await reading;
      if (!specs.has(name)) {
        // A worker may have started since: nobody is refused by an old look.
        await sleep(Math.max(0, readAt + LOOK_AGAIN_MS - now()));
        await read();
      }
      return specs.get(name);
    },
    names: () => specs.keys(),
  };
}
