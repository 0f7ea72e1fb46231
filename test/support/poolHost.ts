/** A pool in a process of its own, for what would end or soil the process of the tests. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PoolOptions } from '../../worker/pools/pool.ts';
import { defer } from './defer.ts';
import { eventually } from './eventually.ts';
import { ISOLATED, type Kind } from './pool.ts';

const HOST = fileURLToPath(new URL('../fixtures/poolHost.ts', import.meta.url));

// any: values of tasks; tests fail by themselves where they are not what they expect.
type Answer = Readonly<Record<string, any>>;

export interface Host {
  readonly child: ChildProcess;
  run(name: string, input?: object): Promise<any>;
  /** What a task told with `updateState` of this state, once it has. */
  meta(state: string): Promise<any>;
  kill(): Promise<unknown>;
  output(): { readonly stdout: string; readonly stderr: string };
}

/** A host for one test: killed after it. */
export function testHost(kind: Kind, options: Partial<PoolOptions> = {}): Host {
  const host = runHost(kind, options);
  defer(() => host.kill());
  return host;
}

/** Starts a host. */
export function runHost(kind: Kind, options: Partial<PoolOptions> = {}): Host {
  const all = { kind, max: 3, maxTasksPerChild: 0, maxMemoryPerChild: 0, modules: [ISOLATED] };
  const child = fork(HOST, [JSON.stringify({ ...all, ...options })], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text) => (output.stdout += text));
  child.stderr?.on('data', (text) => (output.stderr += text));
  const messages: Answer[] = [];
  child.on('message', (message) => messages.push(message as Answer));
  const closed = once(child, 'close');
  const answer = (isIt: (message: Answer) => boolean): Promise<Answer> =>
    eventually(() => {
      if (child.exitCode === null && child.signalCode === null) return messages.find(isIt);
      throw new Error(
        `The host ended with ${child.exitCode ?? child.signalCode}: ${output.stderr}`,
      );
    }, 20_000);
  let runs = 0;
  return {
    child,
    output: () => output,
    kill() {
      child.kill('SIGKILL');
      return closed;
    },
    async run(name, input = {}) {
      const id = ++runs;
      child.send({ id, name, input });
      const { error, value } = await answer((message) => message.id === id);
      if (error) throw Object.assign(new Error(error.message), { name: error.name });
      return value;
    },
    meta: async (wanted) => (await answer(({ state }) => state === wanted)).meta,
  };
}
