// Sends tasks by send, or by insert, BENCH_CHUNK at a time.
import { answer, closedLoop } from '../../load/loops.mjs';
import { boss } from './boss.mjs';

const data = JSON.parse(process.env.BENCH_PAYLOAD);
const length = Number(process.env.BENCH_CHUNK);
const sendOne = () => boss.send('bench', data);
const sendMany = () => boss.insert(Array.from({ length }, () => ({ name: 'bench', data })));

await answer(await closedLoop(length > 1 ? sendMany : sendOne));
process.exit(0);
