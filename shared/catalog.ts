/** The tasks that workers serve, as this process last read them: sends cost no look-up. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from './broker.ts';
import type { TaskSpec } from './registry.ts';

export interface Catalog {
  /** The task of this name as far as this process knows by now, without waiting for anybody. */
  known(name: string): TaskSpec | undefined;
  /** The task of this name, also one that a worker has published since the last look. */
  find(name: string): Promise<TaskSpec | undefined>;
  /** Names for "did you mean". */
  names(): Iterable<string>;
}

/** Unknown names are looked up in Redis again, but not more often than this, whoever asks. */
const LOOK_AGAIN_MS = 100;

export function createCatalog(broker: Pick<Broker, 'specs' | 'onRegistryChange'>): Catalog {
  let specs: ReadonlyMap<string, TaskSpec> = new Map();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isStale = true;

  const read = (): Promise<void> => {
    reading ??= broker
      .specs()
      .then((found) => {
        specs = found;
        readAt = performance.now();
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  /** Behind a read under way, which may have been sent before the change. */
  const readAnew = async (): Promise<void> => {
    await reading?.catch(() => undefined);
    await read();
    isStale = false;
  };
  broker.onRegistryChange(() => {
    isStale = true;
    // Should it fail, the next find reads again.
    readAnew().catch(() => undefined);
  });

  return {
    known: (name) => (isStale ? undefined : specs.get(name)),
    async find(name) {
      if (isStale) await readAnew();
      if (!specs.has(name)) {
        // A worker may have started since: nobody is refused by an old look.
        await sleep(Math.max(0, readAt + LOOK_AGAIN_MS - performance.now()));
        await read();
      }
      return specs.get(name);
    },
    names: () => specs.keys(),
  };
}
