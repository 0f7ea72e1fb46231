/** Ids that were named a moment ago, in a bounded memory. */

export interface Recent {
  add(ids: readonly string[]): void;
  /** Whether it was named in the last moments; also true when too many were to remember them all. */
  has(id: string): boolean;
}

/** Ids of one generation; of more, every id may be one. */
const IDS_MAX = 10_000;

/**
 * @param keepMs milliseconds that an id is remembered at least; at most twice as long
 * @param now milliseconds that only ever grow
 */
export function createRecent(keepMs: number, now = () => performance.now()): Recent {
  let young = new Set<string>();
  let old = new Set<string>();
  let since = now();

  const turn = (): void => {
    const age = now() - since;
    if (age < keepMs) return;
    old = age < 2 * keepMs ? young : new Set();
    young = new Set();
    since = now();
  };
  const isIn = (ids: ReadonlySet<string>, id: string) => ids.size >= IDS_MAX || ids.has(id);

  return {
    add(ids) {
      turn();
      for (const id of ids) if (young.size < IDS_MAX) young.add(id);
    },
    has(id) {
      turn();
      return isIn(young, id) || isIn(old, id);
    },
  };
}
