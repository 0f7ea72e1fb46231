// Reads from two queues in turns, so that what disturbs meets both.

const CHUNK = 1000;
/** Where a read takes long, fewer do. */
const MOST_MS = 15_000;

/**
 * @param queues two of them: `fill(count)` stores so many tasks and answers their ids, `read(id)`
 * reads the state of one
 * @returns medians in microseconds
 */
export async function compareReads([near, far]) {
  const depth = Number(process.env.BENCH_DEPTH);
  const reads = Number(process.env.BENCH_READS);
  const nearIds = await near.fill(10);
  const farIds = [];
  for (let left = depth; left > 0; left -= CHUNK) {
    farIds.push(...(await far.fill(Math.min(CHUNK, left))));
  }
  const pair = async (i) => [
    await timeOf(() => near.read(nearIds[i % nearIds.length])),
    await timeOf(() => far.read(farIds[Math.floor((i / reads) * farIds.length)])),
  ];
  await eachFor(MOST_MS / 4, reads / 4, pair);
  const times = await eachFor(MOST_MS, reads, pair);
  return { near: median(times.map(([time]) => time)), far: median(times.map(([, time]) => time)) };
}

/** What `pair` answers for 0 to `count`, or for fewer spread over the same when time runs out. */
async function eachFor(ms, count, pair) {
  const all = [];
  const until = performance.now() + ms;
  // A step that meets all in another order: where it ends early, it has been everywhere.
  const step = 617;
  for (let i = 0; i < count && (i === 0 || performance.now() < until); i++) {
    all.push(await pair((i * step) % count));
  }
  return all;
}

async function timeOf(read) {
  const at = performance.now();
  await read();
  return (performance.now() - at) * 1000;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
