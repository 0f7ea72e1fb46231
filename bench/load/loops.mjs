// Loops that put load on something and measure it; plain JavaScript, for the peers' scripts use them.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** Milliseconds until a thread of its own is there. */
const START_MS = 100;
/** Milliseconds in which what a closed loop has left behind comes to rest. */
const SETTLE_MS = 500;

/** Milliseconds since 1970 with fractions, the same clock in all processes of a machine. */
export const epoch = () => performance.timeOrigin + performance.now();

const numberFrom = (name, otherwise) => Number(process.env[name] ?? otherwise);

/** What the harness asks for; seconds in milliseconds. */
export const asked = {
  inFlight: numberFrom('BENCH_IN_FLIGHT', 64),
  ms: numberFrom('BENCH_SECONDS', 5) * 1000,
  warmUpMs: numberFrom('BENCH_WARM_UP', 1) * 1000,
  /** Starts per second of the open loop; 0 is a closed loop. */
  rate: numberFrom('BENCH_RATE', 0),
};

/** The answer of a script is its last line; awaited, for a pipe takes 64 KB before an exit. */
export function answer(values) {
  const short = (_key, value) => (typeof value === 'number' ? Number(value.toFixed(4)) : value);
  return new Promise((written) => {
    process.stdout.write(`${JSON.stringify(values, short)}\n`, written);
  });
}

/**
 * Runs `once` again and again, so many at a time. Counts what ends between the warm-up and the end.
 * Answers ends per second, microseconds of this process's time for each, and how many ended in all.
 */
export async function closedLoop(once, { inFlight, ms, warmUpMs } = asked) {
  const from = performance.now() + warmUpMs;
  const until = from + ms;
  let total = 0;
  let counted = 0;
  let first;
  let last;
  const count = (now) => {
    if (first) {
      counted++;
      last = { at: now, cpu: process.cpuUsage(first.cpu) };
    } else first = { at: now, cpu: process.cpuUsage() };
  };
  const loop = async () => {
    for (let now = 0; now < until; ) {
      await once();
      total++;
      now = performance.now();
      if (now >= from && (now < until || !last)) count(now);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  // One at a time may take longer than all the time there was.
  if (!last) throw new Error(`Only ${total} ended in ${warmUpMs + ms} ms`);
  const { user, system } = last.cpu;
  return { rate: (counted / (last.at - first.at)) * 1000, cpu: (user + system) / counted, total };
}

/** The loop that is asked for; before an open loop, a closed one compiles what runs on both sides. */
export async function load(once) {
  if (asked.rate === 0) return closedLoop(once);
  await closedLoop(once, { ...asked, warmUpMs: 0, ms: asked.warmUpMs });
  await sleep(SETTLE_MS);
  return openLoop(once);
}

/**
 * Starts `once` at random times, `rate` a second on average, whether earlier ones have ended or
 * not. `once` answers when its task was started; both times count from when it should have been
 * sent, so that a hold-up counts for all whom it holds up.
 */
export async function openLoop(once, { rate, ms } = asked) {
  const starts = [];
  const ends = [];
  const running = [];
  const fire = async (due) => {
    const startedAt = await once();
    starts.push(startedAt - due);
    ends.push(epoch() - due);
  };
  const from = epoch() + START_MS;
  const times = [];
  // Exponential gaps: whoever sends does not know of the others.
  for (let at = from; at < from + ms; at += (-Math.log(1 - random()) / rate) * 1000) times.push(at);
  await paced(times, (due) => running.push(fire(due)));
  await Promise.all(running);
  return { starts, ends };
}

/** Timers of Node are late by up to a millisecond, which is as much as there is to be measured. */
function paced(times, fire) {
  const pacer = new Worker(new URL('./pacer.mjs', import.meta.url), { workerData: times });
  return new Promise((resolve, reject) => {
    pacer.on('message', fire).on('exit', resolve).on('error', reject);
  });
}

let seed = 20_261_123;

/** The same times in every run. */
function random() {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 2 ** 32;
}
