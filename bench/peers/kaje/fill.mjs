// Stores BENCH_COUNT tasks by the public client.
const { Kaje } = await import(`${process.env.BENCH_KAJE}/client/index.js`);

const CHUNK = 1000;
const { BENCH_REDIS_URL, BENCH_COUNT, BENCH_TASK, BENCH_PAYLOAD, KAJE_PREFIX } = process.env;
const kaje = new Kaje({ redis: BENCH_REDIS_URL, prefix: KAJE_PREFIX ?? 'kaje' });
const input = JSON.parse(BENCH_PAYLOAD);
for (let left = Number(BENCH_COUNT); left > 0; left -= CHUNK) {
  const length = Math.min(CHUNK, left);
  await kaje.sendTasks(Array.from({ length }, () => ({ name: BENCH_TASK, input })));
}
await kaje.close();
