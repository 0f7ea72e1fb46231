/** Several worker processes as one, for one event loop uses one core. */
import type { Config } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import { endOnUncaught, stopOnSignals } from '../shared/signals.ts';
import { createHealth } from '../worker/services/health.ts';
import { createCrew } from './crew.ts';
import { processNames } from './processes.ts';

export interface SupervisorOptions {
  readonly config: Config;
  readonly count: number;
  /** Each process gets it with its number. */
  readonly name: string | undefined;
}

/** Of flags given twice the last wins: each process is one worker, without a port. */
const AS_ONE = ['--supervised', '--processes', '1', '--health-port', '0'];

/** Runs so many processes with the arguments of this one, until the last of them has ended. */
export async function supervise({ config, count, name }: SupervisorOptions): Promise<void> {
  const log = createLog(config, 'supervisor');
  let isStopping = false;
  const crew = createCrew({
    names: processNames(name, count),
    log,
    argsFor: (each) => [...process.argv.slice(2), ...AS_ONE, ...(each ? ['--name', each] : [])],
    onReady(message) {
      log.info({ processes: count }, 'all worker processes are ready');
      // `kaje start` waits for it.
      process.send?.(message, undefined, undefined, () => undefined);
    },
    onOver: (code) => process.exit(code),
  });
  const unreadiness = () => (isStopping ? 'stopping' : crew.unreadiness());
  const health = createHealth({
    host: config.healthHost,
    port: config.healthPort,
    log,
    unreadiness,
  });
  endOnUncaught(log);
  stopOnSignals((hurry) => {
    isStopping = true;
    hurry.addEventListener('abort', crew.hurry);
    crew.stop();
    // It ends with the last process.
    return new Promise(() => undefined);
  }, log);
  await health.start();
  crew.start();
}
