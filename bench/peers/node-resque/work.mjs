// Works tasks off until it is told to end.
import { randomUUID } from 'node:crypto';
import Redis from 'ioredis';
import { MultiWorker } from 'node-resque';
import { connection, results } from './connection.mjs';

const kept = new Redis(results);
const noop = {
  async perform() {
    await kept.setex(`result:${randomUUID()}`, 86_400, 1);
    return 1;
  },
};
const options = { connection, queues: ['bench'], minTaskProcessors: 10, maxTaskProcessors: 10 };
// How often it looks whether to start one more.
const worker = new MultiWorker({ ...options, checkTimeout: 100 }, { noop });
worker.on('error', (error) => console.error(error));
worker.start();
process.on('SIGTERM', () => process.exit(0));
