/** In a child: what tasks ask of the parent, and its answers. */
import type { AnswerMessage, Call, FromChild } from './messages.ts';
import { unpack } from './thrown.ts';

export interface Calls {
  /** Resolves with the parent's answer, or rejects with its error. */
  ask(run: number, what: Call): Promise<unknown>;
  answer(message: AnswerMessage): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export function createCalls(send: (message: FromChild) => void): Calls {
  const waiting = new Map<number, Waiting>();
  let made = 0;
  return {
    ask: (run, what) =>
      new Promise((resolve, reject) => {
        const call = ++made;
        // Throws, and so rejects, when something in it cannot be copied.
        send({ kind: 'call', run, call, what });
        waiting.set(call, { resolve, reject });
      }),
    answer({ call, value, error }) {
      const asked = waiting.get(call);
      waiting.delete(call);
      if (error) asked?.reject(unpack(error));
      else asked?.resolve(value);
    },
  };
}
