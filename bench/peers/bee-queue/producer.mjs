// A queue as its documentation advises for who only sends.
import BeeQueue from 'bee-queue';

export const queue = new BeeQueue('bench', {
  redis: { url: process.env.BENCH_REDIS_URL },
  isWorker: false,
  getEvents: false,
  storeJobs: false,
});
