/** A real Redis for tests: each test has key prefixes of its own, which are removed after it. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Config, loadConfig } from '../../shared/config.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { defer } from './defer.ts';

/** The throw-away Redis that `npm test` has started. */
export function testRedisUrl(): string {
  const url = process.env.KAJE_TEST_REDIS_URL;
  if (!url) throw new Error('Run the tests by `npm test`: it starts a Redis for them');
  return url;
}

/** Settings of a process under test, with a prefix of the test's own. */
export function testConfig(given: Partial<Config> = {}): Config {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const defaults = { redisUrl: testRedisUrl(), prefix, logLevel: 'silent', port: 0 } as const;
  const config = loadConfig({}, { ...defaults, ...given });
  if (config.redisUrl === testRedisUrl()) defer(() => removeKeys(config.prefix));
  return config;
}

/** A connection to look at what is stored, closed after the test. */
export function testRedis(url = testRedisUrl()): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  defer(() => redis.disconnect());
  return redis;
}

export function silentLog(): Log {
  return createLog({ logLevel: 'silent', logFormat: 'json' }, 'test');
}

async function removeKeys(prefix: string): Promise<void> {
  const redis = new Redis(testRedisUrl());
  for await (const keys of redis.scanStream({ match: `${prefix}[.:]*`, count: 1000 })) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
  redis.disconnect();
}
