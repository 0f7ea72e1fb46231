// Stores BENCH_COUNT tasks by saveAll.
import { queue } from './producer.mjs';

const CHUNK = 1000;
const { BENCH_COUNT, BENCH_TASK, BENCH_PAYLOAD } = process.env;
const data = { ...JSON.parse(BENCH_PAYLOAD), ...(BENCH_TASK === 'flaky' ? { flaky: true } : {}) };
const retries = BENCH_TASK === 'flaky' ? 1 : 0;
for (let left = Number(BENCH_COUNT); left > 0; left -= CHUNK) {
  const length = Math.min(CHUNK, left);
  const errors = await queue.saveAll(
    Array.from({ length }, () => queue.createJob(data).retries(retries)),
  );
  if (errors.size > 0) throw errors.values().next().value;
}
await queue.close();
