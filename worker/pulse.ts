/**
 * What the main loop tells the keeper's thread without being asked: that it turns, that locks were
 * renewed, and which tasks are on it. Cells of shared memory, for a blocked loop answers nobody.
 */
const TICKS = 0;
const RENEWALS = 1;
/** Index of the task that was begun last, counted from 1. */
const LATEST = 2;
/** Then, of each task, how many runs of it are on the loop. */
const RUNS = 3;

export interface Pulse {
  readonly cells: SharedArrayBuffer;
  /** The loop turns. */
  tick(): void;
  /** Locks of this source are being renewed: as long as Redis does not answer one, others tell nothing. */
  renewing(source: string): void;
  /** Its locks that were due are renewed, or none was. */
  renewed(source: string): void;
  enter(name: string): void;
  leave(name: string): void;
  /** Tasks on the loop, the latest first. */
  running(): string[];
}

/**
 * @param names of all tasks of the worker: others are not counted
 * @param cells those of another thread's pulse. Default: new ones
 */
export function createPulse(
  names: readonly string[],
  cells = new SharedArrayBuffer((RUNS + names.length) * Int32Array.BYTES_PER_ELEMENT),
): Pulse {
  const values = new Int32Array(cells);
  /** Sources that wait for an answer, or got a bad one. */
  const late = new Set<string>();
  const indexes = new Map(names.map((name, i) => [name, i]));
  const count = (name: string, change: number): number => {
    const i = indexes.get(name);
    if (i !== undefined) values[RUNS + i] = (values[RUNS + i] ?? 0) + change;
    return i ?? -1;
  };
  return {
    cells,
    tick: () => void Atomics.add(values, TICKS, 1),
    renewing: (source) => void late.add(source),
    renewed(source) {
      late.delete(source);
      if (late.size === 0) Atomics.add(values, RENEWALS, 1);
    },
    // Not atomic: only the main loop writes here, and the thread looks when that stands still.
    enter(name) {
      values[LATEST] = count(name, 1) + 1;
    },
    leave: (name) => void count(name, -1),
    running() {
      const latest = names[(values[LATEST] ?? 0) - 1];
      const all = names.filter((_, i) => (values[RUNS + i] ?? 0) > 0);
      return all.sort((a, b) => Number(b === latest) - Number(a === latest));
    },
  };
}

/** How often the loop has turned, and locks were renewed. */
export function readPulse(cells: SharedArrayBuffer): { ticks: number; renewals: number } {
  const values = new Int32Array(cells);
  return { ticks: Atomics.load(values, TICKS), renewals: Atomics.load(values, RENEWALS) };
}
