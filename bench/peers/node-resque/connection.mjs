// How node-resque finds Redis.
const { hostname, port } = new URL(process.env.BENCH_REDIS_URL);

export const connection = { pkg: 'ioredis', host: hostname, port: Number(port), database: 0 };
/** Where tasks write their results. */
export const results = { host: hostname, port: Number(port), db: 1 };
