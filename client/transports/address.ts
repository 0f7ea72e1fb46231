/** Where the API is, and what says to a proxy in front of it who asks. */
import { DefinitionError } from '../../shared/errors.ts';
import { withoutSecrets } from '../../shared/secrets.ts';

export interface Address {
  /** Without a slash at its end, and without a login: it stands in messages. */
  readonly root: string;
  /** Go with each request. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param base URL of the API, such as http://127.0.0.1:8000; a login in it becomes a header, since fetch
 *   refuses such URLs and names the password
 * @throws DefinitionError for what is none, or has a query, which no path can be put behind
 */
export function addressOf(base: string): Address {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  const isWeb = url !== undefined && /^https?:$/.test(url.protocol);
  if (!isWeb || url.search !== '' || url.hash !== '') {
    const what = isWeb
      ? 'without a query: send tokens as headers'
      : 'such as http://127.0.0.1:8000';
    throw new DefinitionError(`Expected the URL of an API, ${what}; got "${withoutSecrets(base)}"`);
  }
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const root = url.href.replace(/\/+$/, '');
  if (username === '' && password === '') return { root, headers: {} };
  const login = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return { root, headers: { authorization: `Basic ${login}` } };
}

/**
 * Headers as fetch takes them. Their names in small letters: it would join `authorization` and `Authorization`.
 * @throws DefinitionError, without the value: it may be a token
 */
export function checkedHeaders(
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!isHeader(name, value)) {
      throw new DefinitionError(
        `Expected \`headers\` to be names and texts that HTTP can carry; "${name}" is none`,
      );
    }
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function isHeader(name: string, value: unknown): value is string {
  try {
    return typeof value === 'string' && new Headers([[name, value]]) !== undefined;
  } catch {
    return false;
  }
}

/** In a URL some letters are written as %xx; a % of its own is no reason to fail. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What to do about an answer that is none of Kaje's: of a proxy before it, or of another program. */
export function foreignAdvice(status: number): string {
  return status === 401 || status === 403 || status === 407
    ? 'give a login in its URL, http://user:password@host, or by `headers` of the client'
    : 'is it the address of an API of Kaje, with the path that a proxy gives it?';
}
