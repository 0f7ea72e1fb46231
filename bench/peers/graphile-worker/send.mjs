// Sends tasks by addJob, or by addJobs, BENCH_CHUNK at a time.
import { makeWorkerUtils } from 'graphile-worker';
import { answer, closedLoop } from '../../load/loops.mjs';

const utils = await makeWorkerUtils({ connectionString: process.env.BENCH_PG_URL });
await utils.migrate();
const payload = JSON.parse(process.env.BENCH_PAYLOAD);
const length = Number(process.env.BENCH_CHUNK);
const sendOne = () => utils.addJob('noop', payload);
const sendMany = () =>
  utils.addJobs(Array.from({ length }, () => ({ identifier: 'noop', payload })));

await answer(await closedLoop(length > 1 ? sendMany : sendOne));
process.exit(0);
