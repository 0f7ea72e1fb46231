/** The slow operation of a web API: statistics over generated sales, some seconds of real work. */
import { z } from 'zod';
import { defineTask } from '../client/index.ts';

const REGIONS = ['north', 'east', 'south', 'west'] as const;
/** Some 10 ms of work: between two such pieces the worker turns to its other tasks. */
const ROWS_AT_ONCE = 100_000;

interface Stats {
  orders: number;
  revenue: number;
  /** Sum of squared distances from the mean, by Welford's method: exact in one pass. */
  spread: number;
}

export const executeSlowStuff = defineTask('execute_slow_stuff', {
  description: 'Generates sales rows and computes statistics by region, with progress',
  input: z.object({ rows: z.number().int().positive().max(1_000_000_000).default(30_000_000) }),
  async run({ rows }, ctx) {
    const random = generator(rows);
    const byRegion = new Map(
      REGIONS.map((region) => [region, { orders: 0, revenue: 0, spread: 0 }]),
    );
    for (let done = 0; done < rows; done += ROWS_AT_ONCE) {
      ctx.signal.throwIfAborted();
      addRows(byRegion, Math.min(ROWS_AT_ONCE, rows - done), random);
      // Tells how far it is, and lets the worker's other tasks have their turn.
      await ctx.progress({ done: Math.min(done + ROWS_AT_ONCE, rows), total: rows });
    }
    return {
      rows,
      regions: Object.fromEntries([...byRegion].map(([name, stats]) => [name, summary(stats)])),
    };
  },
});

function addRows(byRegion: Map<string, Stats>, count: number, random: () => number): void {
  for (let i = 0; i < count; i++) {
    const region = REGIONS[Math.floor(random() * REGIONS.length)] ?? 'north';
    const stats = byRegion.get(region);
    if (stats) addOrder(stats, priceOf(random));
  }
}

/** Prices are log-normal, as real ones are: Box and Muller's transform of two uniform numbers. */
function priceOf(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(3 + 0.5 * normal);
}

function addOrder(stats: Stats, price: number): void {
  const meanBefore = stats.orders === 0 ? 0 : stats.revenue / stats.orders;
  stats.orders++;
  stats.revenue += price;
  stats.spread += (price - meanBefore) * (price - stats.revenue / stats.orders);
}

function summary({ orders, revenue, spread }: Stats) {
  const round = (value: number) => Math.round(value * 100) / 100;
  return {
    orders,
    revenue: round(revenue),
    mean_price: round(orders === 0 ? 0 : revenue / orders),
    deviation: round(orders === 0 ? 0 : Math.sqrt(spread / orders)),
  };
}

/** Marsaglia's xorshift: the same rows for the same seed, so that a run can be repeated. */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
