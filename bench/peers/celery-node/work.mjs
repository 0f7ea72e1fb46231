// Works tasks off until it is told to end.
import { createWorker } from 'celery-node';

const { BENCH_REDIS_URL } = process.env;
const worker = createWorker(`${BENCH_REDIS_URL}/0`, `${BENCH_REDIS_URL}/1`);
worker.register('noop', () => 1);
worker.start();
process.on('SIGTERM', () => process.exit(0));
