/** Sends the task `clock` over HTTP and waits for its result in the same request. */
import { createConnections, postOf } from './connections.ts';
import { answer, load } from './loops.mjs';

const { BENCH_URL = '', BENCH_PAYLOAD = '{}' } = process.env;
const url = new URL(BENCH_URL);
const body = `{"name":"clock","kwargs":${BENCH_PAYLOAD}}`;
const request = postOf(url, '/v1/send_task?wait=5', body);
const send = createConnections(url);

async function once(): Promise<number> {
  const { status, body } = await send(request);
  if (status !== 200) throw new Error(`Expected 200, got ${status}: ${body}`);
  return JSON.parse(body.toString()).result;
}

await answer(await load(once));
process.exit(0);
