// Stores BENCH_COUNT tasks by addJobs.
import { makeWorkerUtils } from 'graphile-worker';

const CHUNK = 1000;
const { BENCH_PG_URL, BENCH_COUNT, BENCH_PAYLOAD } = process.env;
const utils = await makeWorkerUtils({ connectionString: BENCH_PG_URL });
await utils.migrate();
await utils.withPgClient((client) =>
  client.query('CREATE TABLE results (id bigint PRIMARY KEY, result json)'),
);
const payload = JSON.parse(BENCH_PAYLOAD);
for (let left = Number(BENCH_COUNT); left > 0; left -= CHUNK) {
  const length = Math.min(CHUNK, left);
  await utils.addJobs(Array.from({ length }, () => ({ identifier: 'noop', payload })));
}
await utils.release();
