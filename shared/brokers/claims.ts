/**
 * Claims of ids that clients chose, and of uniquenesses: each for one sender at a time. What could not be let
 * go of when the line was cut is let go of as soon as it is back: who was told "try again" must not find it held.
 */
import type { Redis } from 'ioredis';
import type { Broker, UniqueClaim } from '../broker.ts';
import { newId } from '../ids.ts';
import type { Keys } from '../keys.ts';
import { ANSWER_WITHIN_MS, answered } from '../redis.ts';
import { claimUniqueness, releaseClaims } from '../scripts.ts';

/** A claim outlives its holder's death so long; no send takes near as long. */
const CLAIM_MS = 10_000;
/** Claims of an outage that are remembered, as many as one request has; those before run out by themselves. */
const LEFT_MAX = 10_000;

type Claims = Pick<Broker, 'claim' | 'release' | 'claimUnique'>;

export function createClaims(redis: Redis, keys: Keys): Claims {
  const me = newId();
  const ids = createLeft<string>(redis, (left) => releaseClaims(redis, left.map(keys.claim), me));
  const uniques = createLeft<UniqueClaim>(redis, (left) => {
    return Promise.all(
      left.map((each) => claimUniqueness(redis, [keys.unique(each.hash)], [each])),
    );
  });

  return {
    claim: (wanted) =>
      ids.unlessLost(wanted, async () => {
        const claims = wanted.map((id) => redis.set(keys.claim(id), me, 'PX', CLAIM_MS, 'NX'));
        const answers = await answered(
          redis,
          Promise.all(claims),
          ANSWER_WITHIN_MS + wanted.length,
        );
        return answers.map((answer) => answer === 'OK');
      }),
    async release(held) {
      if (held.length === 0) return;
      await ids.unlessLost(held, () =>
        answered(redis, releaseClaims(redis, held.map(keys.claim), me)),
      );
    },
    claimUnique(claims) {
      const given = claims.map(({ id, hash }) => ({ id, hash, ttlMs: 0 }));
      return uniques.unlessLost(given, async () => {
        const names = claims.map(({ hash }) => keys.unique(hash));
        const answers = await answered(redis, claimUniqueness(redis, names, claims));
        return answers.map(([holder, heldMs]) => ({ holder, heldMs }));
      });
    },
  };
}

/** What may still be held behind a lost line. */
function createLeft<T>(redis: Redis, release: (left: readonly T[]) => Promise<unknown>) {
  let left: readonly T[] = [];
  // Before anything else goes over the new line.
  redis.on('ready', () => {
    const all = left;
    left = [];
    if (all.length > 0) release(all).catch(() => undefined);
  });
  return {
    /** Whatever the answer was: when it does not come, nobody knows. */
    async unlessLost<A>(held: readonly T[], act: () => Promise<A>): Promise<A> {
      try {
        return await act();
      } catch (error) {
        left = [...left, ...held].slice(-LEFT_MAX);
        throw error;
      }
    },
  };
}
