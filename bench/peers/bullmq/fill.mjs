// Stores BENCH_COUNT tasks by addBulk.
import { Queue } from 'bullmq';

const CHUNK = 1000;
const { BENCH_REDIS_URL, BENCH_COUNT, BENCH_TASK, BENCH_PAYLOAD } = process.env;
const queue = new Queue('bench', { connection: { url: BENCH_REDIS_URL } });
const data = JSON.parse(BENCH_PAYLOAD);
const opts = BENCH_TASK === 'flaky' ? { attempts: 2 } : {};
for (let left = Number(BENCH_COUNT); left > 0; left -= CHUNK) {
  const length = Math.min(CHUNK, left);
  await queue.addBulk(Array.from({ length }, () => ({ name: BENCH_TASK, data, opts })));
}
await queue.close();
