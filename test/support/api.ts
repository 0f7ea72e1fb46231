/** The API under test: the real app on a free loopback port, stopped after the test. */
import { type Limits, startApi } from '../../api/server.ts';
import type { Config } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import { checkContract } from './contract.ts';
import { defer } from './defer.ts';
import { silentLog, testConfig } from './redis.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // any: tests look into it, and fail by themselves where it is not what they expect.
  readonly body: any;
  readonly text: string;
}

export interface TestApi {
  readonly url: string;
  readonly config: Config;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  /** Sends JSON; a string or bytes go as they are. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Any request. Every answer is held against the contract. */
  call(path: string, init?: RequestInit): Promise<Answer>;
  stop(): Promise<void>;
}

export interface TestApiOptions {
  readonly log?: Log;
  readonly limits?: Partial<Limits>;
}

export async function startTestApi(
  given: Partial<Config> = {},
  { log = silentLog(), limits }: TestApiOptions = {},
): Promise<TestApi> {
  const config = testConfig(given);
  const api = await startApi(config, log, limits);
  defer(() => api.stop());
  return clientOf(api.url, config, api.stop);
}

export function clientOf(url: string, config: Config, stop: () => Promise<void>): TestApi {
  const call = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(url + path, init);
    const { status, headers } = response;
    const text = await response.text();
    const [type = ''] = (headers.get('content-type') ?? '').split(';');
    const body = /json/.test(type) && text !== '' ? JSON.parse(text) : undefined;
    checkContract(init.method ?? 'GET', path, { status, type, body });
    return { status, headers, body, text };
  };
  return {
    url,
    config,
    call,
    get: (path, headers = {}) => call(path, { headers }),
    delete: (path) => call(path, { method: 'DELETE' }),
    post(path, body, headers = {}) {
      const isRaw = typeof body === 'string' || body instanceof Uint8Array;
      const payload = isRaw || body === undefined ? body : JSON.stringify(body);
      const type = { 'content-type': 'application/json' };
      return call(path, {
        method: 'POST',
        headers: { ...type, ...headers },
        ...(payload === undefined ? {} : { body: payload as NonNullable<RequestInit['body']> }),
      });
    },
    stop,
  };
}
