// Reads states by the public client on Redis.
import { answer } from '../../load/loops.mjs';
import { compareReads } from '../../load/reads.mjs';

const { Kaje } = await import(`${process.env.BENCH_KAJE}/client/index.js`);
const input = JSON.parse(process.env.BENCH_PAYLOAD);

function queueAt(prefix) {
  const kaje = new Kaje({ redis: process.env.BENCH_REDIS_URL, prefix });
  return {
    async fill(length) {
      const sent = await kaje.sendTasks(Array.from({ length }, () => ({ name: 'noop', input })));
      return sent.map(({ id }) => id);
    },
    async read(id) {
      const { state } = await kaje.asyncResult(id).info;
      if (state !== 'PENDING') throw new Error(`${id} is ${state}`);
    },
  };
}

await answer(await compareReads([queueAt('near'), queueAt('far')]));
process.exit(0);
