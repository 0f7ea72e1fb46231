/** A client over each transport, so that both are held to the same cases. */
import { createServer } from 'node:net';
import { Kaje } from '../../client/index.ts';
import type { Config } from '../../shared/config.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';
import type * as tasks from './tasks.ts';
import { all } from './tasks.ts';

export type Client = Kaje<typeof tasks>;

export interface Setup {
  readonly kaje: Client;
  readonly config: Config;
  /** How another process would open its client. */
  readonly options: { url: string } | { redis: string; prefix: string };
}

type Connect = (given?: Partial<Config>) => Promise<Setup>;

const overHttp: Connect = async (given) => {
  const { url, config } = await startTestApi(given);
  return opened({ url }, config);
};

const overRedis: Connect = async (given) => {
  const config = testConfig(given);
  return opened({ redis: config.redisUrl, prefix: config.prefix }, config);
};

function opened(options: Setup['options'], config: Config): Setup {
  const kaje: Client = new Kaje(options);
  defer(() => kaje.close());
  return { kaje, config, options };
}

/** With a worker that serves test/client/tasks.ts. */
const withWorker =
  (connect: Connect): Connect =>
  async (given) => {
    const setup = await connect(given);
    await startTestWorker(setup.config, all, [{ name: 'default' }, { name: 'other' }]);
    return setup;
  };

/** Describes the same behaviour twice. */
export function overBothTransports(
  describeIt: (connect: Connect, transport: 'HTTP' | 'Redis') => void,
): void {
  describe('over HTTP', () => describeIt(withWorker(overHttp), 'HTTP'));
  describe('over Redis', () => describeIt(withWorker(overRedis), 'Redis'));
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** The error that a promise is rejected with. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const value = await promise.catch((error: unknown) => ({ error }));
  if (typeof value === 'object' && value !== null && 'error' in value) return value.error;
  throw new Error(`Expected an error, got ${JSON.stringify(value)?.slice(0, 200)}`);
}

/** Channels of changed tasks that somebody listens to. */
export async function listenersOf({ config }: Pick<Setup, 'config'>): Promise<number> {
  const channels = await testRedis().pubsub('CHANNELS', `${config.prefix}*changes:[0-9]*`);
  return channels.length;
}
