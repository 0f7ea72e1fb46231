/** Keeps passwords out of what is printed and logged. */

/** A URL as people may see it: `redis://:secret@host` -> `redis://***@host`. */
export function withoutSecrets(url: string): string {
  return (
    url
      // Also without a scheme: what was mistyped is shown too. A path may hold an @.
      .replace(/^([\w+.-]+:\/\/|(?!unix:|\/)).*@/, '$1***@')
      // A token may have any name; the two that are harmless tell what is wrong with an address.
      .replaceAll(/([?&](?!(?:db|family)=)[^=&#]*=)[^&#]*/gi, '$1***')
  );
}
