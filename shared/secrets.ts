/** Keeps passwords out of what is printed and logged. */

/** A URL as people may see it: `redis://:secret@host` -> `redis://***@host`. */
export function withoutSecrets(url: string): string {
  return url
    .replace(/^([\w+.-]+:\/\/).*@/, '$1***@')
    .replaceAll(/((?:password|username)=)[^&#]*/gi, '$1***');
}
