/** Lets a peer's script send for some seconds, and sees what that costs the server. */
import { PAYLOAD, type Peer } from './peer.ts';
import { run } from './processes.ts';
import { type Bench, scaled, type Values } from './scenario.ts';

const SECONDS = 5;
const WARM_UP = 2;

export interface Sending {
  /** Sends that wait for their answer at once. */
  readonly inFlight: number;
  /** Tasks of one send. */
  readonly chunk: number;
}

/** Tasks per second, microseconds of processor time per task of the sender and of the server. */
export async function sendFor(
  bench: Bench,
  { open, send }: Peer,
  { inFlight, chunk }: Sending,
): Promise<Values> {
  if (!send) throw new Error('There is no script that sends');
  const store = await open(bench);
  const before = await store.cpu();
  const given = { BENCH_IN_FLIGHT: `${inFlight}`, BENCH_CHUNK: `${chunk}`, BENCH_PAYLOAD: PAYLOAD };
  const env = { ...store.env, ...given, ...durations(bench) };
  const sent = ratesOf(await run(send, { dir: bench.dir, env }));
  const storeCpu = ((await store.cpu()) - before) * 1e6;
  return {
    rate: sent.rate * chunk,
    cpu: sent.cpu / chunk,
    storeCpu: storeCpu / (sent.total * chunk),
  };
}

/** How long a script loads, and warms up, as variables of its environment. */
export function durations(bench: Pick<Bench, 'scale'>): Record<string, string> {
  return {
    BENCH_SECONDS: `${scaled(bench, SECONDS * 10, 10) / 10}`,
    BENCH_WARM_UP: `${scaled(bench, WARM_UP * 10, 10) / 10}`,
  };
}

export interface Rates {
  readonly rate: number;
  readonly cpu: number;
  readonly total: number;
}

/** What a script that loads has answered. */
export function ratesOf(answer: unknown): Rates {
  const { rate, cpu, total } = Object(answer);
  if (![rate, cpu, total].every(Number.isFinite))
    throw new Error(`Expected rates, got ${JSON.stringify(answer)}`);
  return { rate, cpu, total };
}
