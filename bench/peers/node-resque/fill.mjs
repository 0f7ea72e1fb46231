// Stores BENCH_COUNT tasks.
import { Queue } from 'node-resque';
import { connection } from './connection.mjs';

const TOGETHER = 1000;
const { BENCH_COUNT, BENCH_TASK, BENCH_PAYLOAD } = process.env;
const queue = new Queue({ connection }, { [BENCH_TASK]: { perform() {} } });
await queue.connect();
const payload = JSON.parse(BENCH_PAYLOAD);
for (let left = Number(BENCH_COUNT); left > 0; left -= TOGETHER) {
  const length = Math.min(TOGETHER, left);
  await Promise.all(Array.from({ length }, () => queue.enqueue('bench', BENCH_TASK, [payload])));
}
await queue.end();
