/** How Redis is reached: what its URL may say behind the question mark, and certificates beside it. */
import { DefinitionError } from './errors.ts';
import { withoutSecrets } from './secrets.ts';
import { didYouMean } from './suggest.ts';

/** As PEM texts: who signed the certificate of Redis, and a certificate for this client with its key. */
export interface RedisTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface RedisTarget {
  readonly url: string;
  readonly tls?: RedisTls;
}

/** `family` is 4 or 6, the version of IP. */
const PARAMETERS = ['db', 'family', 'username', 'password'];

/** @throws DefinitionError for a parameter that nobody knows, and for certificates without TLS */
export function checkedTarget(url: string, tls: RedisTls | undefined): RedisTarget {
  const problem = redisUrlProblem(url);
  if (problem !== undefined) throw new DefinitionError(`The URL of Redis has an ${problem}`);
  if (tls === undefined) return { url };
  if (url.startsWith('rediss://')) return { url, tls };
  const expected = 'Expected a URL rediss:// beside certificates for TLS';
  throw new DefinitionError(`${expected}, got "${withoutSecrets(url)}"`);
}

/** Why a URL of Redis cannot be used; undefined when it can. */
export function redisUrlProblem(url: string): string | undefined {
  const query = /^rediss?:/.test(url) ? (/\?([^#]*)/.exec(url)?.[1] ?? '') : '';
  const names = [...new URLSearchParams(query).keys()];
  const unknown = names.find((name) => !PARAMETERS.includes(name));
  if (unknown === undefined) return undefined;
  const hint = /ssl|tls|cert|ca/i.test(unknown) ? '; certificates: KAJE_REDIS_CA' : '';
  const expected = `expected ${PARAMETERS.join(', ')}${hint}`;
  return `unknown parameter "${unknown}"${didYouMean(unknown, PARAMETERS)}; ${expected}`;
}
