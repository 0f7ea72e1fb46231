// Stores BENCH_COUNT tasks. Its client does not say when a task is stored, so Redis is asked.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'celery-node';
import Redis from 'ioredis';

const CHUNK = 1000;
const { BENCH_REDIS_URL, BENCH_COUNT, BENCH_TASK, BENCH_PAYLOAD } = process.env;
const client = createClient(`${BENCH_REDIS_URL}/0`, `${BENCH_REDIS_URL}/1`);
const redis = new Redis(BENCH_REDIS_URL);
const task = client.createTask(BENCH_TASK);
const payload = JSON.parse(BENCH_PAYLOAD);
const count = Number(BENCH_COUNT);
for (let sent = 0; sent < count; ) {
  for (const to = Math.min(count, sent + CHUNK); sent < to; sent++) task.applyAsync([], payload);
  while ((await redis.llen('celery')) < sent) await sleep(2);
}
process.exit(0);
