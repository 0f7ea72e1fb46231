/** Rate limits as Celery writes them: `10/s`, `100/m`, `1000/h`, or a plain number of starts a second. */

const PER_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

const RATE = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/;

/** Milliseconds between two starts at this rate; undefined for what is no rate. */
export function intervalOf(rate: string): number | undefined {
  const match = RATE.exec(rate.trim());
  const count = Number(match?.[1]);
  if (!match || !(count > 0)) return undefined;
  const unit = (match[2] ?? 's') as keyof typeof PER_MS;
  return PER_MS[unit] / count;
}

/** Whether a value reads as a rate. */
export function isRateLimit(value: unknown): boolean {
  return typeof value === 'string' && intervalOf(value) !== undefined;
}
