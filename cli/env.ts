/** The environment as settings are read from it: secrets may lie in files, `NAME_FILE` for `NAME`. */
import { readFileSync } from 'node:fs';
import { type Config, SETTINGS } from '../shared/config.ts';
import { DefinitionError } from '../shared/errors.ts';
import { routesText } from '../shared/routing.ts';

/**
 * A copy in which each KAJE_*_FILE has been read into its variable, as Docker secrets are.
 * @throws DefinitionError when a file cannot be read or a variable is given both ways
 */
export function readEnv(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const files = Object.entries(env).filter(([name, path]) => path && /^KAJE_\w+_FILE$/.test(name));
  const read = files.map(
    ([name, path]) => [name.slice(0, -'_FILE'.length), secretIn(name, path ?? '')] as const,
  );
  for (const [name] of read) {
    if (env[name]) throw new DefinitionError(`Expected ${name} or ${name}_FILE, got both`);
  }
  return { ...env, ...Object.fromEntries(read) };
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

/** The environment in which a child reads the very same settings; files are not read again. */
export function envOf(config: Config): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, { env: name }] of Object.entries(SETTINGS)) {
    // Every key of SETTINGS is one of the config.
    const value = config[key as keyof Config];
    env[name] = typeof value === 'object' ? routesText(value) : String(value);
    env[`${name}_FILE`] = '';
  }
  return env;
}
