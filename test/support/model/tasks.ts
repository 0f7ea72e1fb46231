/** Tasks of every kind of life, which note each run in the history that they belong to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineTask, type Task } from '../../../shared/task.ts';

export interface Run {
  /** What the send was called, also where it was refused and has no id. */
  readonly tag: string;
  readonly at: number;
}

export interface Input {
  readonly tag: string;
  /** Milliseconds that a run takes. */
  readonly ms: number;
  /** Runs that fail before one succeeds. */
  readonly failures: number;
}

export const KINDS = ['plain', 'failing', 'flaky', 'once', 'narrow', 'paced', 'heeding'] as const;
export type Kind = (typeof KINDS)[number];

export function createTasks(runs: Run[]): readonly Task[] {
  const begin = ({ tag }: Input) => runs.push({ tag, at: performance.now() });
  const work = async (input: Input): Promise<string> => {
    begin(input);
    await sleep(input.ms);
    return input.tag;
  };
  return [
    defineTask('plain', { run: work }),
    /** At most once. */
    defineTask('once', { acksLate: false, run: work }),
    defineTask('narrow', { maxConcurrency: 2, run: work }),
    defineTask('paced', { rateLimit: '50/s', run: work }),
    defineTask('failing', {
      run(input: Input) {
        begin(input);
        throw new RangeError(input.tag);
      },
    }),
    defineTask('flaky', {
      retry: { max: 5, delay: 0.02, jitter: false },
      run(input: Input, { retries }) {
        begin(input);
        if (retries < input.failures) throw new Error('not yet');
        return input.tag;
      },
    }),
    /** Long, and ends when it is told to. */
    defineTask('heeding', {
      async run(input: Input, { signal }) {
        begin(input);
        await sleep(input.ms * 10, undefined, { signal });
        return input.tag;
      },
    }),
  ];
}
