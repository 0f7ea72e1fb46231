/** A PostgreSQL of the run, for the peers that keep their tasks there: as it comes, and durable. */
import { mkdir, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { saidBy } from './find.ts';
import type { Store } from './peer.ts';
import { BENCH } from './places.ts';
import { type Command, run, start } from './processes.ts';

const DEBIAN = '/usr/lib/postgresql';
const START_MS = 30_000;
const TRY_MS = 100;
/** Counting rows takes some milliseconds, so it is done less often than in Redis. */
const POLL_MS = 200;

/** As much of the package `pg` as is needed here; it is installed with the peers. */
interface Client {
  connect(): Promise<unknown>;
  query(sql: string): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  end(): Promise<unknown>;
}

export interface BenchPostgres {
  /** An empty database; `counting` is a query whose only column is how many tasks are done. */
  open(counting: string): Promise<Store>;
  stop(): Promise<void>;
}

/** Version of the PostgreSQL here, undefined where there is none. */
export async function postgresVersion(): Promise<string | undefined> {
  const postgres = await programs();
  const said = postgres && (await saidBy(join(postgres, 'postgres'), ['--version']));
  return said?.match(/\d+(\.\d+)+/)?.[0];
}

/** Starts a server whose data lies in `dir`. */
export async function startBenchPostgres(dir: string): Promise<BenchPostgres> {
  const bin = await programs();
  if (bin === undefined) throw new Error('There is no PostgreSQL here');
  const user = await userOf();
  const data = join(dir, 'postgres');
  await mkdir(data);
  const as = (program: string, ...args: string[]): Command => ({
    ...user,
    command: join(bin, program),
    args,
  });
  await run(user.own(data), { dir });
  await run(as('initdb', '-D', data, '-A', 'trust', '-U', 'bench'), { dir });
  const port = await freePort();
  const listen = ['-p', `${port}`, '-k', data, '-c', 'listen_addresses=127.0.0.1'];
  const server = await start(as('postgres', '-D', data, ...listen), { dir });
  const url = (database: string) => `postgres://bench@127.0.0.1:${port}/${database}`;
  const main = await connected(url('postgres'), Date.now() + START_MS);
  let counter: Client | undefined;
  return {
    async open(counting) {
      await counter?.end();
      await main.query('DROP DATABASE IF EXISTS bench WITH (FORCE)');
      await main.query('CREATE DATABASE bench');
      const client = await connected(url('bench'), Date.now() + START_MS);
      counter = client;
      const done = async () =>
        Number(Object.values((await client.query(counting)).rows[0] ?? {})[0]);
      return { env: { BENCH_PG_URL: url('bench') }, done, pollMs: POLL_MS, cpu: server.cpu };
    },
    async stop() {
      await counter?.end();
      await main.end();
      await server.stop('SIGTERM');
    },
  };
}

/** The folder of its programs: that of the newest that Debian has, else what is on the PATH. */
async function programs(): Promise<string | undefined> {
  const versions = await readdir(DEBIAN).catch(() => []);
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  const folders = [...(newest ? [`${DEBIAN}/${newest}/bin`] : []), ''];
  for (const folder of folders) {
    if (await saidBy(join(folder, 'postgres'), ['--version'])) return folder;
  }
  return undefined;
}

/** PostgreSQL refuses to run as root. */
async function userOf() {
  const numberOf = async (flag: string) => Number(await saidBy('id', [flag, 'postgres']));
  const isRoot = process.getuid?.() === 0;
  const ids = isRoot ? { uid: await numberOf('-u'), gid: await numberOf('-g') } : {};
  const own = (folder: string): Command =>
    isRoot ? { command: 'chown', args: ['postgres', folder] } : { command: 'true', args: [] };
  return { ...ids, own };
}

async function connected(url: string, deadline: number): Promise<Client> {
  const { Client: Connection } = await import(`${BENCH}peers/node_modules/pg/esm/index.mjs`);
  for (;;) {
    const client: Client & NodeJS.EventEmitter = new Connection({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(TRY_MS);
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
