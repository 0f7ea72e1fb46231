/** Where Redis is, and by which certificates it is known. */
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import { DefinitionError } from './errors.ts';
import { type RedisTls, redisUrlProblem } from './redisUrl.ts';
import { withoutSecrets } from './secrets.ts';

export interface RedisTarget {
  readonly url: string;
  readonly tls?: RedisTls;
}

type Settings = Pick<Config, 'redisUrl' | 'redisCa' | 'redisCert' | 'redisKey'>;

/** @throws DefinitionError for a file that cannot be read, and for certificates without TLS */
export function redisTarget({ redisUrl, redisCa, redisCert, redisKey }: Settings): RedisTarget {
  const named = [
    ['ca', 'KAJE_REDIS_CA', redisCa],
    ['cert', 'KAJE_REDIS_CERT', redisCert],
    ['key', 'KAJE_REDIS_KEY', redisKey],
  ] as const;
  const given = named.filter(([, , path]) => path !== '');
  if (given.length === 0) return { url: redisUrl };
  const files = given.map(([part, setting, path]) => [part, pemIn(setting, path)] as const);
  return checkedTarget(redisUrl, Object.fromEntries(files));
}

/** @throws DefinitionError for a parameter that nobody knows, and for certificates without TLS */
export function checkedTarget(url: string, tls: RedisTls | undefined): RedisTarget {
  const problem = redisUrlProblem(url);
  if (problem !== undefined) throw new DefinitionError(`The URL of Redis has an ${problem}`);
  if (tls === undefined) return { url };
  if (url.startsWith('rediss://')) return { url, tls };
  const expected = 'Expected a URL rediss:// beside certificates for TLS';
  throw new DefinitionError(`${expected}, got "${withoutSecrets(url)}"`);
}

function pemIn(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new DefinitionError(
      `Expected ${setting} to name a file that can be read, got "${path}"`,
      {
        cause,
      },
    );
  }
}
