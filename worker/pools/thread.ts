import { Worker } from 'node:worker_threads';
import { type Child, ENTRY, outOfMemory, type StartOptions } from './child.ts';
import { type Envelope, type FromChild, opened, type ToChild } from './messages.ts';
import { inWords, pack } from './thrown.ts';

const FILE = ENTRY.pathname.endsWith('.ts') ? new URL('./entryFromSource.mjs', ENTRY) : ENTRY;

/** Milliseconds in which one that listens may abort the signal of its run and end by itself. */
const KILL_AFTER_MS = 500;

/** Starts a thread that runs tasks. */
export function startThread({ maxMemory, onMessage, onEnd }: StartOptions): Child {
  const thread = new Worker(FILE, {
    name: 'kaje',
    resourceLimits: maxMemory > 0 ? { maxOldGenerationSizeMb: maxMemory } : {},
  });
  let reason: string | undefined;
  const gone = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  thread.on('message', (envelope: unknown) => {
    const message = opened<FromChild>(envelope);
    if (message) onMessage(message);
  });
  thread.on('messageerror', (error) => {
    reason = `a message of it could not be read: ${error.message}`;
    void thread.terminate();
  });
  // What a task throws outside of its promise may be anything, null included.
  thread.on('error', (thrown: unknown) => {
    reason = isOfMemory(thrown) ? outOfMemory(maxMemory) : `uncaught ${inWords(thrown)}`;
  });
  thread.once('exit', (code) => onEnd(reason ?? `exit code ${code}`));
  return {
    send(message) {
      const envelope: Envelope<ToChild> = { kaje: message };
      thread.postMessage(envelope);
    },
    async kill(reason) {
      const envelope: Envelope<ToChild> = { kaje: { kind: 'exit', reason: pack(reason) } };
      thread.postMessage(envelope);
      const force = setTimeout(() => void thread.terminate(), KILL_AFTER_MS);
      await gone;
      clearTimeout(force);
    },
    // Node 20 does not tell one thread's memory to another.
    memory: async () => 0,
  };
}

function isOfMemory(thrown: unknown): boolean {
  return thrown instanceof Error && Reflect.get(thrown, 'code') === 'ERR_WORKER_OUT_OF_MEMORY';
}
