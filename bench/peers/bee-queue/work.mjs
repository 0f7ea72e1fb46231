// Works tasks off until it is told to end.
import BeeQueue from 'bee-queue';

const queue = new BeeQueue('bench', {
  redis: { url: process.env.BENCH_REDIS_URL },
  getEvents: false,
  storeJobs: false,
});
queue.process(100, async ({ data, options }) => {
  // Those that are left.
  if (data.flaky && options.retries === 1) throw new Error('the first run fails');
  return 1;
});
process.on('SIGTERM', () => queue.close().then(() => process.exit(0)));
