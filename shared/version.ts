/** This package's version. */
import { readFileSync } from 'node:fs';

export const VERSION = readVersion();

/** package.json stands one folder up in the sources and two in dist. */
function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const found: { name?: string; version?: string } = JSON.parse(
        readFileSync(new URL(path, import.meta.url), 'utf8'),
      );
      if (found.name === 'kaje') return found.version ?? '0.0.0';
    } catch {
      // Not there: the next place.
    }
  }
  return '0.0.0';
}
