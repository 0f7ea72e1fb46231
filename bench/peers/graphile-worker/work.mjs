// Works tasks off until it is told to end.
import { run } from 'graphile-worker';

const runner = await run({
  preset: {
    worker: {
      connectionString: process.env.BENCH_PG_URL,
      concurrentJobs: 24,
      maxPoolSize: 25,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
  taskList: {
    async noop(_payload, { job, query }) {
      await query('INSERT INTO results (id, result) VALUES ($1, $2)', [job.id, '1']);
    },
  },
});
process.on('SIGTERM', () => process.exit(0));
await runner.promise;
