/**
 * What a status read costs when the queue is long: `node --import tsx bench/statusRead.ts [depth]`.
 * Reads the same kind of task at a backlog of 10 and of `depth` (default 1,000,000), in turns.
 */
import { findOrMakeRedis } from '../cli/localRedis.ts';
import type { Broker } from '../shared/broker.ts';
import { createRedisBroker } from '../shared/brokers/redis.ts';
import { createLog } from '../shared/log.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../shared/redis.ts';

const DEPTH = Number(process.argv[2] ?? 1_000_000);
const READS = 2000;
const ROUNDS = 5;
const CHUNK = 5000;

const log = createLog({ logLevel: 'error', logFormat: 'auto' }, 'bench');
const redis = await findOrMakeRedis({ home: '.kaje', persistent: false, log: console.log });

async function connect(prefix: string): Promise<Broker> {
  const commands = connectFailingFast(redis.url, log);
  await whenConnected(commands, 5000);
  return createRedisBroker({
    redis: commands,
    subscriber: connectPatiently(redis.url, log),
    prefix,
  });
}

async function fill(broker: Broker, count: number): Promise<void> {
  for (let from = 0; from < count; from += CHUNK) {
    const ids = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => `task-${from + i}`);
    await broker.add(
      ids.map((id) => ({
        id,
        name: 'noop',
        queue: 'default',
        sentAt: Date.now(),
        body: { kwargs: { n: 1 } },
      })),
    );
    if (process.stdout.isTTY)
      process.stdout.write(`\r${from + ids.length} of ${count} tasks stored`);
  }
}

/** Median microseconds of a read at both depths: one read here, one there, so that noise meets both. */
async function readTimes(near: Broker, far: Broker): Promise<[near: number, far: number]> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < READS; i++) {
    times[0].push(await readTime(near, `task-${i % 10}`));
    times[1].push(await readTime(far, `task-${Math.floor((i / READS) * DEPTH)}`));
  }
  return [median(times[0]), median(times[1])];
}

async function readTime(broker: Broker, id: string): Promise<number> {
  const at = performance.now();
  const [record] = await broker.read([id]);
  if (record?.result.state !== 'PENDING') throw new Error(`${id} is ${record?.result.state}`);
  return (performance.now() - at) * 1000;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const shallow = await connect('shallow');
const deep = await connect('deep');
await fill(shallow, 10);
await fill(deep, DEPTH);
const ratios: number[] = [];
console.log(`\n| round | at 10, us | at ${DEPTH}, us | ratio |\n|---|---|---|---|`);
for (let round = 1; round <= ROUNDS; round++) {
  const [near, far] = await readTimes(shallow, deep);
  ratios.push(far / near);
  console.log(`| ${round} | ${near.toFixed(0)} | ${far.toFixed(0)} | ${(far / near).toFixed(2)} |`);
}
console.log(`median ratio ${median(ratios).toFixed(2)}`);
await Promise.all([shallow.close(), deep.close()]);
await redis.stop();
