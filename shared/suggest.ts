/** "Did you mean": the nearest of some names to a mistyped one. */

/** A half sentence such as ` - did you mean "kwargs"?`, or nothing when no name is near. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const nearest = nearestOf(word, names);
  return nearest === undefined ? '' : ` - did you mean "${nearest}"?`;
}

/** Letters of the longest name there is; to compare takes the square of them. */
const NAME_MAX = 128;

function nearestOf(word: string, names: Iterable<string>): string | undefined {
  if (word.length > NAME_MAX) return undefined;
  // A third of the letters may be wrong: `kwarg` finds `kwargs`, `x` finds nothing.
  let best = Math.max(1, Math.floor(word.length / 3)) + 1;
  let found: string | undefined;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= best) continue;
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < best) [best, found] = [distance, name];
  }
  return found;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (letter === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
