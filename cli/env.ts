/** The environment as settings are read from it: secrets may lie in files, `NAME_FILE` for `NAME`. */
import { readFileSync } from 'node:fs';
import { type Config, SETTINGS } from '../shared/config.ts';
import { DefinitionError } from '../shared/errors.ts';
import { routesText } from '../shared/routing.ts';

/**
 * Reads each KAJE_*_FILE into its variable, as Docker's secrets are given; then the file is done with,
 * also for the processes that are started from this one.
 * @throws DefinitionError when a file cannot be read or a variable is given both ways
 */
export function readFiles(env: NodeJS.ProcessEnv): void {
  for (const [file, path] of Object.entries(env)) {
    if (!path || !/^KAJE_\w+_FILE$/.test(file)) continue;
    const name = file.slice(0, -'_FILE'.length);
    if (env[name]) throw new DefinitionError(`Expected ${name} or ${file}, got both`);
    env[name] = secretIn(file, path);
    delete env[file];
  }
}

function secretIn(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new DefinitionError(`Expected ${name} to name a file that can be read, got "${path}"`, {
      cause: error,
    });
  }
}

/** The environment in which a child reads the very same settings. */
export function envOf(config: Config): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, { env: name }] of Object.entries(SETTINGS)) {
    // Every key of SETTINGS is one of the config.
    const value = config[key as keyof Config];
    env[name] = typeof value === 'object' ? routesText(value) : String(value);
  }
  return env;
}
