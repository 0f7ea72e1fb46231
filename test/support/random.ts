/** Random numbers that are the same for the same seed, so that a failure can be seen again. */
export function createRandom(seed: number) {
  let state = seed;
  /** From 0 up to 1: mulberry32. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    /** A whole number from 0 to below `max`. */
    below: (max: number) => Math.floor(next() * max),
    chance: (of: number) => next() < of,
  };
}
