/** Bounds between which a worker may change how many tasks it runs at once, as Celery writes them. */

export interface Bounds {
  readonly max: number;
  readonly min: number;
}

/** What the setting says where nothing is scaled. */
export const AUTOSCALE_OFF = 'off';

/** `10,3` -> at most 10, at least 3; `10` alone means at least 1. Undefined for what does not read so. */
export function parseBounds(text: string): Bounds | undefined {
  const match = /^(\d{1,5})(?:,(\d{1,5}))?$/.exec(text.trim());
  const [max, min] = [Number(match?.[1]), Number(match?.[2] ?? 1)];
  return match && min >= 1 && min <= max && max <= 10_000 ? { max, min } : undefined;
}
