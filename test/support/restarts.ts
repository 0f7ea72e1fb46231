/** A worker process that is started again whenever it ends, as compose or systemd does. */
import type { Config } from '../../shared/config.ts';
import { defer } from './defer.ts';
import { type Process, runWorkerProcess } from './worker.ts';

export interface Restarted {
  /** How it ended each time: exit codes and signals. */
  readonly ends: readonly (number | NodeJS.Signals)[];
  /** What all of them have written so far. */
  output(): string;
}

/** Resolves when the first one takes tasks. */
export async function keepWorker(
  config: Config,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Restarted> {
  const ends: (number | NodeJS.Signals)[] = [];
  const all: Process[] = [];
  let isOver = false;
  const start = async (): Promise<void> => {
    const worker = await runWorkerProcess(config, args, env);
    all.push(worker);
    if (isOver) worker.child.kill('SIGKILL');
    void worker.ended.then((end) => {
      if (isOver) return;
      ends.push(end);
      // One that ends while it starts is seen by the test: its tasks never end.
      void start().catch(() => undefined);
    });
  };
  await start();
  defer(() => {
    isOver = true;
  });
  return { ends, output: () => all.map((each) => each.output()).join('') };
}
