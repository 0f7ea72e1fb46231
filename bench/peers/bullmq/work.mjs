// Works tasks off until it is told to end.
import { Worker } from 'bullmq';

const kept = { age: 86_400, count: 1_000_000, limit: 100 };

const worker = new Worker('bench', run, {
  connection: { url: process.env.BENCH_REDIS_URL },
  concurrency: 100,
  removeOnComplete: kept,
  removeOnFail: kept,
});
process.on('SIGTERM', () => worker.close().then(() => process.exit(0)));
await worker.waitUntilReady();
process.send?.('ready');

async function run({ name, attemptsMade }) {
  if (name === 'clock') return performance.timeOrigin + performance.now();
  if (name === 'flaky' && attemptsMade === 0) throw new Error('the first run fails');
  return 1;
}
