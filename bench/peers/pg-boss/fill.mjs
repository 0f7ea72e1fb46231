// Stores BENCH_COUNT tasks by insert.
import { boss } from './boss.mjs';

const CHUNK = 1000;
const { BENCH_COUNT, BENCH_PAYLOAD } = process.env;
const data = JSON.parse(BENCH_PAYLOAD);
for (let left = Number(BENCH_COUNT); left > 0; left -= CHUNK) {
  const length = Math.min(CHUNK, left);
  await boss.insert(Array.from({ length }, () => ({ name: 'bench', data })));
}
await boss.stop({ graceful: false });
