/** The API under test: the real app on a free loopback port, stopped after the test. */
import { startApi } from '../../api/server.ts';
import type { Config } from '../../shared/config.ts';
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
  stop(): Promise<void>;
}

export async function startTestApi(given: Partial<Config> = {}): Promise<TestApi> {
  const config = testConfig(given);
  const api = await startApi(config, silentLog());
  defer(() => api.stop());
  const call = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(api.url + path, init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : undefined,
      text,
    };
  };
  return {
    url: api.url,
    config,
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
    stop: api.stop,
  };
}
