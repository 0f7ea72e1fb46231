// Reads states by getJob and getState.
import { Queue } from 'bullmq';
import { answer } from '../../load/loops.mjs';
import { compareReads } from '../../load/reads.mjs';

const data = JSON.parse(process.env.BENCH_PAYLOAD);

function queueAt(name) {
  const queue = new Queue(name, { connection: { url: process.env.BENCH_REDIS_URL } });
  return {
    async fill(length) {
      const jobs = await queue.addBulk(Array.from({ length }, () => ({ name: 'noop', data })));
      return jobs.map(({ id }) => id);
    },
    async read(id) {
      const job = await queue.getJob(id);
      const state = await job.getState();
      if (state !== 'waiting') throw new Error(`${id} is ${state}`);
    },
  };
}

await answer(await compareReads([queueAt('near'), queueAt('far')]));
process.exit(0);
