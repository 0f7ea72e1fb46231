/** The context of a run as the parent of a child has it, one that remembers what it was told. */
import type { TaskContext } from '../../shared/task.ts';

export interface Recorder {
  readonly ctx: TaskContext;
  /** Each call of the context: its method and arguments. */
  readonly told: readonly (readonly unknown[])[];
  /** What came with `updateState` of this state; undefined as long as there was none. */
  meta(state: string): unknown;
  abort(reason: unknown): void;
}

export const DATA = {
  id: 'id-1',
  name: 'work',
  queue: 'default',
  worker: 'w1',
  args: [1],
  kwargs: { a: 2 },
  retries: 1,
  maxRetries: 3,
  eta: new Date(5),
  expires: new Date(6),
  priority: 7,
  headers: { h: 1 },
  tags: ['t'],
  parentId: 'id-0',
  rootId: 'id-0',
  groupId: null,
};

export function recorder(more: Partial<TaskContext> = {}): Recorder {
  const told: unknown[][] = [];
  const controller = new AbortController();
  const writer = (level: string) => (message: string, fields?: object) => {
    told.push([level, message, fields]);
  };
  const ctx: TaskContext = {
    ...DATA,
    signal: controller.signal,
    log: {
      debug: writer('debug'),
      info: writer('info'),
      warn: writer('warn'),
      error: writer('error'),
    },
    progress: async (meta) => void told.push(['progress', meta]),
    updateState: async (state, meta) => void told.push(['updateState', state, meta]),
    retry() {
      throw new Error('Not to be called: a child throws its own');
    },
    async send(...args) {
      told.push(['send', ...args]);
      return 'child-1';
    },
    ...more,
  };
  return {
    ctx,
    told,
    meta: (state) => told.find(([method, name]) => method === 'updateState' && name === state)?.[2],
    abort: (reason) => controller.abort(reason),
  };
}
