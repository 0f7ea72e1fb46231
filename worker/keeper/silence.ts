/** What the keeper does at each look, from what it has seen of the main loop: a pure decision. */

/** How often the loop has turned and renewed its locks so far. */
export interface Seen {
  readonly ticks: number;
  readonly renewals: number;
}

export type Action =
  /** The loop turns and renews its locks. */
  | 'rest'
  /** It does not: the thread renews them. */
  | 'keep'
  /** It has stood still for so long that its tasks are let go. */
  | 'let go';

export interface Judgement {
  readonly action: Action;
  /** Milliseconds for which the loop has stood still; 0 while it turns. */
  readonly silentMs: number;
}

/** Milliseconds without a turn, or without a renewal, of which there is one a second. */
const SILENT_MS = 2000;

/**
 * @param limitMs after which a loop that stands still keeps its tasks no longer
 * @param lookMs milliseconds between two looks: more is time in which the whole process stood still
 */
export function createJudge(limitMs: number, lookMs: number) {
  let before: Seen = { ticks: -1, renewals: -1 };
  let silentMs = 0;
  let unkeptMs = 0;
  let lookedAt = 0;

  return (seen: Seen, now: number): Judgement => {
    const passed = Math.min(now - lookedAt, 2 * lookMs);
    silentMs = seen.ticks === before.ticks ? silentMs + passed : 0;
    unkeptMs = seen.renewals === before.renewals ? unkeptMs + passed : 0;
    before = seen;
    lookedAt = now;
    const isKept = silentMs < SILENT_MS && unkeptMs < SILENT_MS;
    return { action: isKept ? 'rest' : silentMs < limitMs ? 'keep' : 'let go', silentMs };
  };
}
