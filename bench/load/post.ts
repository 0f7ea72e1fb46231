/** Posts one body again and again (BENCH_URL, BENCH_PATH, BENCH_BODY); expects 202. */
import { createConnections, postOf } from './connections.ts';
import { answer, closedLoop } from './loops.mjs';

const { BENCH_URL = '', BENCH_PATH = '/', BENCH_BODY = '' } = process.env;
const url = new URL(BENCH_URL);
const request = postOf(url, BENCH_PATH, BENCH_BODY);
const send = createConnections(url);

await answer(
  await closedLoop(async () => {
    const { status, body } = await send(request);
    if (status !== 202) throw new Error(`Expected 202, got ${status}: ${body}`);
  }),
);
process.exit(0);
