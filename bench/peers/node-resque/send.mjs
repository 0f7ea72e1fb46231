// Sends tasks by enqueue.
import { Queue } from 'node-resque';
import { answer, closedLoop } from '../../load/loops.mjs';
import { connection } from './connection.mjs';

const queue = new Queue({ connection }, { noop: { perform() {} } });
await queue.connect();
const payload = JSON.parse(process.env.BENCH_PAYLOAD);

await answer(await closedLoop(() => queue.enqueue('bench', 'noop', [payload])));
await queue.end();
