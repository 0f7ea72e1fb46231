/** How Redis is reached: what its URL may say behind the question mark, and certificates beside it. */
import { DefinitionError } from './errors.ts';
import { type RedisTls, usableTls } from './redisTls.ts';
import { withoutSecrets } from './secrets.ts';
import { didYouMean } from './suggest.ts';

export interface RedisTarget {
  readonly url: string;
  readonly tls?: RedisTls;
}

/** `family` is 4 or 6, the version of IP. */
const PARAMETERS = ['db', 'family', 'username', 'password'];

/** @throws DefinitionError for a URL or certificates that cannot be used, and for certificates without TLS */
export function checkedTarget(url: string, tls: RedisTls | undefined): RedisTarget {
  const problem = redisUrlProblem(url);
  if (problem !== undefined) throw new DefinitionError(`The URL of Redis has ${problem}`);
  if (tls === undefined) return { url };
  if (url.startsWith('rediss://')) return { url, tls: usableTls(tls) };
  const expected = 'Expected a URL rediss:// beside certificates for TLS';
  throw new DefinitionError(`${expected}, got "${withoutSecrets(url)}"`);
}

/** What a URL of Redis has that cannot be used; undefined for one that can. */
export function redisUrlProblem(url: string): string | undefined {
  if (!/^rediss?:/.test(url)) return undefined;
  const query = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? '');
  const problem = unknownIn([...query.keys()]) ?? databaseProblem(url, query);
  // A password that is cut by one of its letters: what seems to be a parameter or a database is a part of it.
  const isLogin = /^rediss?:\/\/[^/?#]*[/?#].*@/.test(url);
  return problem && isLogin
    ? 'an @ behind a /, ? or #: in a login they are written as %2F, %3F and %23'
    : problem;
}

function unknownIn(names: readonly string[]): string | undefined {
  const unknown = names.find((name) => !PARAMETERS.includes(name));
  if (unknown === undefined) return undefined;
  const hint = /ssl|tls|cert|ca/i.test(unknown) ? '; certificates: KAJE_REDIS_CA' : '';
  const expected = `expected ${PARAMETERS.join(', ')}${hint}`;
  return `an unknown parameter "${unknown}"${didYouMean(unknown, PARAMETERS)}; ${expected}`;
}

/** ioredis reads as much of it as is a number: 1 of "1.5" and "1a" is not the one that is meant. */
function databaseProblem(url: string, query: URLSearchParams): string | undefined {
  const path = /^rediss?:\/\/[^/?#]*\/([^?#]*)/.exec(url)?.[1] ?? '';
  const odd = [path, query.get('db') ?? ''].find((name) => !/^\d*$/.test(name));
  return odd === undefined
    ? undefined
    : `a database "${odd}"; expected its number, as in redis://host:6379/1`;
}
