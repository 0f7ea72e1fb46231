// Sends tasks by save, or by saveAll, BENCH_CHUNK at a time.
import { answer, closedLoop } from '../../load/loops.mjs';
import { queue } from './producer.mjs';

const data = JSON.parse(process.env.BENCH_PAYLOAD);
const length = Number(process.env.BENCH_CHUNK);
const sendOne = () => queue.createJob(data).save();
const sendMany = () => queue.saveAll(Array.from({ length }, () => queue.createJob(data)));

await answer(await closedLoop(length > 1 ? sendMany : sendOne));
await queue.close();
