/** Where Redis is, and by which certificates it is known. */
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import { DefinitionError } from './errors.ts';
import { checkedTarget, type RedisTarget } from './redisUrl.ts';

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
