/** Certificates for Redis: whether they can be used, and which setting helps where it cannot be reached with them. */
import { DefinitionError } from './errors.ts';

/** As PEM texts: who signed the certificate of Redis, and a certificate for this client with its key. */
export interface RedisTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** By code of the error. */
const ADVICE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ].map((code) => [code, 'give the certificate of its CA by KAJE_REDIS_CA']),
  ),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'give a certificate by KAJE_REDIS_CERT and KAJE_REDIS_KEY',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'KAJE_REDIS_KEY is not the key of KAJE_REDIS_CERT',
};

/** In one line; undefined for an error that is not about TLS. */
export function tlsReason(error: Error): string | undefined {
  const code: unknown = Reflect.get(error, 'code');
  const advice = typeof code === 'string' ? ADVICE[code] : undefined;
  // OpenSSL puts its reason among numbers, files and lines of C, with a line break at the end.
  const reason: unknown = Reflect.get(error, 'reason');
  const told = typeof reason === 'string' && 'library' in error ? reason : undefined;
  if (advice === undefined) return told;
  return `${told ?? error.message}: ${advice}`;
}

/**
 * Certificates that can never work end the start: waiting for Redis would not help them.
 * @throws DefinitionError
 */
export function usableTls(tls: RedisTls): RedisTls {
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const [given, missing] = tls.key === undefined ? ['CERT', 'KEY'] : ['KEY', 'CERT'];
    const expected = 'Expected a certificate for Redis and its key';
    throw new DefinitionError(
      `${expected}, got only KAJE_REDIS_${given}: give KAJE_REDIS_${missing} as well`,
    );
  }
  // Node takes any text for a CA, and then trusts nobody.
  if (tls.ca !== undefined && !/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(String(tls.ca))) {
    throw new DefinitionError('Expected KAJE_REDIS_CA to hold a certificate (PEM), got none');
  }
  return tls;
}
