/** Flags that several commands share, each also as a KAJE_* variable. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Kaje } from '../client/index.ts';
import { type Config, flagOf, loadConfig, SETTINGS } from '../shared/config.ts';
import { DefinitionError } from '../shared/errors.ts';
import { reasonOf } from '../shared/errorText.ts';
import { faultInText } from '../shared/jsonText.ts';
import { redisTarget } from '../shared/redisTarget.ts';
import type { RedisTls } from '../shared/redisTls.ts';
import { MAX_JSON_DEPTH } from '../shared/schemas.ts';
import { isQueueName } from '../shared/taskOptions.ts';
import type { QueueChoice } from '../worker/fleet.ts';

type SettingName = keyof typeof SETTINGS;

/** Every setting there is. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** Adds the flags of some settings (shared/config.ts), with their docs and defaults. */
export function withSettings(command: Command, ...names: SettingName[]): Command {
  for (const name of names) {
    const { env, doc, default: fallback } = SETTINGS[name];
    command.addOption(
      new Option(
        `${flagOf(env)} <value>`,
        `${doc} (default: ${String(fallback) || 'none'}, env: ${env})`,
      ),
    );
  }
  return command;
}

/** The settings of the environment, with the flags of the command over them. */
export function configOf(command: Command, given: Partial<Config> = {}): Config {
  const env = { ...process.env };
  for (const { env: name } of Object.values(SETTINGS)) {
    const value: unknown = command.opts()[camelCase(flagOf(name))];
    if (typeof value === 'string') env[name] = value;
  }
  return loadConfig(env, given);
}

function camelCase(flag: string): string {
  return flag.replace(/^--/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The flags of commands that ask a running Kaje, over HTTP or straight over Redis. */
export function withTarget(command: Command): Command {
  return command
    .addOption(urlOption('API to ask'))
    .addOption(new Option('--redis-url <url>', 'ask Redis itself instead of the API'))
    .addOption(new Option('--prefix <prefix>', 'first part of the Redis keys').env('KAJE_PREFIX'))
    .addOption(new Option('--json', 'print JSON for programs'));
}

/** `--url`, which is the API of this machine where nothing else is said. */
export function urlOption(doc: string): Option {
  return new Option('--url <url>', doc).env('KAJE_URL').default('http://127.0.0.1:8000');
}

/** Runs something with a client for the target, and closes it. */
export async function withClient<T>(command: Command, run: (kaje: Kaje) => Promise<T>): Promise<T> {
  const { url, redisUrl, prefix } = command.opts<{
    url: string;
    redisUrl?: string;
    prefix?: string;
  }>();
  const straight =
    redisUrl === undefined ? undefined : { ...redisOf(redisUrl), ...(prefix ? { prefix } : {}) };
  const kaje = new Kaje(straight ?? { url });
  try {
    return await run(kaje);
  } finally {
    await kaje.close();
  }
}

/** The certificates are those of the environment. */
function redisOf(redisUrl: string): { redis: string; tls?: RedisTls } {
  const { url, ...tls } = redisTarget(loadConfig(process.env, { redisUrl }));
  return { redis: url, ...tls };
}

/** Where task modules lie: by the flag, or else by KAJE_TASKS. */
export function taskPaths(flag: readonly string[] | undefined): readonly string[] {
  if (flag) return flag;
  const paths = (process.env.KAJE_TASKS ?? '').split(',').map((path) => path.trim());
  return paths.filter(Boolean);
}

/** `default,mail:5` -> the queues of a worker. */
export function parseQueues(text: string): QueueChoice[] {
  return text.split(',').map((part) => {
    const [name = '', concurrency, ...rest] = part.trim().split(':');
    if (!isQueueName(name) || rest.length > 0) {
      throw new DefinitionError(`Expected --queues to read like default,mail:5, got "${text}"`);
    }
    return { name, concurrency: concurrencyOf(name, concurrency) };
  });
}

function concurrencyOf(queue: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { parse, expected } = SETTINGS.concurrency;
  const count = parse(text);
  if (count !== undefined) return count;
  throw new DefinitionError(
    `Expected --queues to read like default,mail:5, got "${queue}:${text}": the number says how ` +
      `many tasks of the queue run at once, ${expected}`,
  );
}

/** A flag that holds JSON. */
export function jsonFlag(kind: 'array' | 'object') {
  return (text: string): unknown => {
    const value = jsonIn(text);
    const isArray = Array.isArray(value);
    if (kind === 'array' ? isArray : typeof value === 'object' && value !== null && !isArray)
      return value;
    throw new InvalidArgumentError(`Expected a JSON ${kind}.`);
  };
}

/**
 * The value of a JSON text.
 * @throws InvalidArgumentError for what is none, and for a number that no double holds
 */
export function jsonIn(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`It is no JSON: ${reasonOf(error)}`);
  }
  const fault = faultInText(text, MAX_JSON_DEPTH);
  if (fault === undefined) return value;
  const problem =
    fault.kind === 'depth'
      ? `Expected at most ${MAX_JSON_DEPTH} levels.`
      : `No double holds ${fault.literal}${fault.path && ` at ${fault.path}`}: send it as a text.`;
  throw new InvalidArgumentError(problem);
}

/** A flag that holds seconds. */
export function secondsFlag(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new InvalidArgumentError('Expected seconds, 0 or more.');
}

/** `--wait`, whose seconds may be left out: what follows is easily taken for them. */
export function waitFlag(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new InvalidArgumentError('Expected seconds, 0 or more; names and ids go before --wait.');
}

/** A flag that holds a point in time; without a zone Date would read some forms as UTC, some not. */
export function timeFlag(text: string): Date {
  const time = new Date(text);
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$/i.test(text);
  if (isWhole && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    'Expected a time with its zone, such as 2026-11-22T10:00:00Z or 2026-11-22T10:00:00+01:00.',
  );
}

/** A flag that holds seconds from now, or a time. */
export function expiryFlag(text: string): number | Date {
  return /^[\d.]+$/.test(text) ? secondsFlag(text) : timeFlag(text);
}

/** A flag that holds a list, separated by commas. */
export function listFlag(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

/** A flag that holds a whole number. */
export function countFlag(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a whole number, 0 or more.');
}
