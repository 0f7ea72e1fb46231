/** Gets pages of tasks from two APIs in turns: each of BENCH_QUERIES on BENCH_NEAR and on BENCH_FAR. */
import { createConnections } from './connections.ts';
import { answer } from './loops.mjs';

const { BENCH_NEAR = '', BENCH_FAR = '', BENCH_QUERIES = '[]', BENCH_CALLS = '' } = process.env;
const CALLS = Number(BENCH_CALLS);
const WARM_UP = 20;
/** Pages of 200 to turn where one in the middle is wanted. */
const PAGES_TO_THE_MIDDLE = 100;

type Get = (query: string) => Promise<{ readonly next_cursor: string | null }>;

function getterOf(base: string): Get {
  const url = new URL(base);
  const send = createConnections(url);
  return async (query) => {
    const request = `GET /v1/tasks?${query} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
    const { status, body } = await send(Buffer.from(request));
    if (status !== 200) throw new Error(`Expected 200, got ${status}: ${body}`);
    return JSON.parse(body.toString());
  };
}

async function cursorInTheMiddle(get: Get): Promise<string> {
  let cursor = '';
  for (let page = 0; page < PAGES_TO_THE_MIDDLE; page++) {
    const { next_cursor } = await get(`limit=200${cursor && `&cursor=${cursor}`}`);
    if (next_cursor === null) break;
    cursor = next_cursor;
  }
  return cursor;
}

async function timeOf(get: Get, query: string): Promise<number> {
  const at = performance.now();
  await get(query);
  return performance.now() - at;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function compared(asked: string): Promise<{ near: number; far: number }> {
  const query = asked.replace('&middle', '');
  const farQuery = query === asked ? query : `${query}&cursor=${await cursorInTheMiddle(far)}`;
  const times: { near: number[]; far: number[] } = { near: [], far: [] };
  for (let i = -WARM_UP; i < CALLS; i++) {
    const [nearTime, farTime] = [await timeOf(near, query), await timeOf(far, farQuery)];
    if (i < 0) continue;
    times.near.push(nearTime);
    times.far.push(farTime);
  }
  return { near: median(times.near), far: median(times.far) };
}

const [near, far] = [getterOf(BENCH_NEAR), getterOf(BENCH_FAR)];
const all = [];
for (const query of JSON.parse(BENCH_QUERIES)) all.push(await compared(query));
await answer(all);
process.exit(0);
