/** How much there is to a value, without looking at more of it than need be. */

/** Parts of a value beyond which it is large. */
export const LARGE = 10_000;

/** Whether it has more parts (values, however deep) than can be looked at several times within a turn. */
export function isLarge(value: unknown, max = LARGE): boolean {
  return leftOf(value, max) < 0;
}

/** How many of `max` parts are left behind this one; below 0 where there are more. */
function leftOf(value: unknown, max: number): number {
  let left = max - 1;
  if (typeof value !== 'object' || value === null) return left;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && left >= 0; i++) left = leftOf(value[i], left);
    return left;
  }
  // A list of its values takes three times as long, and for-in over a list makes a text of each index.
  for (const key in value) {
    if (left < 0) break;
    left = leftOf(Reflect.get(value, key), left);
  }
  return left;
}
