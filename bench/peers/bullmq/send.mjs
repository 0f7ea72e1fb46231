// Sends tasks by add, or by addBulk, BENCH_CHUNK at a time.
import { Queue } from 'bullmq';
import { answer, closedLoop } from '../../load/loops.mjs';

const queue = new Queue('bench', { connection: { url: process.env.BENCH_REDIS_URL } });
const data = JSON.parse(process.env.BENCH_PAYLOAD);
const length = Number(process.env.BENCH_CHUNK);
const sendOne = () => queue.add('noop', data);
const sendMany = () => queue.addBulk(Array.from({ length }, () => ({ name: 'noop', data })));

await answer(await closedLoop(length > 1 ? sendMany : sendOne));
await queue.close();
