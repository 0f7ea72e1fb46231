/**
 * Many clients that each wait for one task over HTTP, while the tasks end one after the other.
 * Answers the milliseconds from each task's end to the arrival of its result.
 */
import { createConnections, postOf } from './connections.ts';
import { answer } from './loops.mjs';

const { BENCH_URL = '', BENCH_PAYLOAD = '{}', BENCH_CLIENTS = '' } = process.env;
const CLIENTS = Number(BENCH_CLIENTS);
/** Seconds until the first ends, and from the first to the last. */
const FIRST = 2;
const SPREAD = 5;

const url = new URL(BENCH_URL);
const send = createConnections(url);

async function call(request: Buffer) {
  const { status, body } = await send(request);
  if (status !== 200 && status !== 202) throw new Error(`Got ${status}: ${body}`);
  return JSON.parse(body.toString());
}

async function wait(index: number): Promise<number> {
  const countdown = FIRST + (SPREAD * index) / CLIENTS;
  const body = `{"name":"noop","kwargs":${BENCH_PAYLOAD},"countdown":${countdown}}`;
  const { task_id } = await call(postOf(url, '/v1/send_task', body));
  const { state, date_done } = await call(
    Buffer.from(`GET /v1/tasks/${task_id}?wait=30 HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`),
  );
  if (state !== 'SUCCESS') throw new Error(`${task_id} is ${state}`);
  return Date.now() - Date.parse(date_done);
}

await answer(await Promise.all(Array.from({ length: CLIENTS }, (_, index) => wait(index))));
process.exit(0);
