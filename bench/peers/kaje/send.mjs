// Sends tasks by the public client on Redis: one by one, or BENCH_CHUNK at a time.
import { answer, closedLoop } from '../../load/loops.mjs';

const { Kaje } = await import(`${process.env.BENCH_KAJE}/client/index.js`);
const kaje = new Kaje({ redis: process.env.BENCH_REDIS_URL });
const input = JSON.parse(process.env.BENCH_PAYLOAD);
const length = Number(process.env.BENCH_CHUNK);
const sendOne = () => kaje.sendTask('noop', input);
const sendMany = () => kaje.sendTasks(Array.from({ length }, () => ({ name: 'noop', input })));

await answer(await closedLoop(length > 1 ? sendMany : sendOne));
await kaje.close();
