/** Draws mutations by lot: as many of each kind, the same for the same seed. */
import { createRandom } from '../support/random.ts';
import { KINDS, type Mutation } from './mutation.ts';

export function sample(mutations: readonly Mutation[], size: number, seed: number): Mutation[] {
  const random = createRandom(seed);
  const piles = KINDS.map((kind) =>
    shuffled(
      mutations.filter((mutation) => mutation.kind === kind),
      random,
    ),
  );
  const drawn: Mutation[] = [];
  while (drawn.length < size && piles.some((pile) => pile.length > 0)) {
    for (const pile of piles) drawn.push(...pile.splice(-1));
  }
  return drawn.slice(0, size);
}

function shuffled<T>(items: readonly T[], random: ReturnType<typeof createRandom>): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.below(left.length), 1));
}
