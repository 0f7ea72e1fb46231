// Sends the task `clock` by the public client on Redis, and waits for its result.
import { answer, load } from '../../load/loops.mjs';

const { Kaje } = await import(`${process.env.BENCH_KAJE}/client/index.js`);
const kaje = new Kaje({ redis: process.env.BENCH_REDIS_URL });
const input = JSON.parse(process.env.BENCH_PAYLOAD);

async function once() {
  const task = await kaje.sendTask('clock', input);
  return task.get({ timeout: 30 });
}

await answer(await load(once));
await kaje.close();
