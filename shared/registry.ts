/** The tasks of a worker by name, and what it tells the cluster about each. */
import type { StandardJSONSchemaV1 } from '@standard-schema/spec';
import { DefinitionError } from './errors.ts';
import { inputProblem } from './inputProblem.ts';
import { DEFAULT_PRIORITY } from './message.ts';
import { DEFAULT_RETRY } from './retry.ts';
import { didYouMean } from './suggest.ts';
import type { Task } from './task.ts';
import type { RunIn, UniqueOptions } from './taskOptions.ts';

/** A task as workers publish it and the API knows it: everything but the code. */
export interface TaskSpec {
  readonly name: string;
  readonly description: string | null;
  /** JSON Schema (draft 2020-12) of the input; null when there is none to show. */
  readonly input: Readonly<Record<string, unknown>> | null;
  /** Whether a schema guards the input, also one that has no JSON Schema. */
  readonly validates: boolean;
  readonly options: {
    readonly queue: string;
    readonly priority: number;
    readonly expires: number | null;
    readonly max_retries: number;
    readonly time_limit: number | null;
    readonly soft_time_limit: number | null;
    readonly rate_limit: string | null;
    readonly max_concurrency: number | null;
    /** null: as the worker has it. */
    readonly run_in: RunIn | null;
    readonly acks_late: boolean;
    readonly unique: { readonly key: readonly string[] | null; readonly ttl: number } | null;
    readonly result_expires: number | null;
    readonly ignore_result: boolean;
  };
}

export const DEFAULT_QUEUE = 'default';
/** Seconds. */
const UNIQUE_TTL = 3600;

export type Registry = ReadonlyMap<string, Task>;

/**
 * Collects tasks by name.
 * @param sources each task with where it came from, for the message
 * @throws DefinitionError when two different tasks have one name, a task is to be unique by a
 *   property that its input does not have, or needs an input that JSON cannot hold
 */
export function createRegistry(sources: Iterable<readonly [task: Task, source: string]>): Registry {
  const origin = new Map<string, string>();
  const registry = new Map<string, Task>();
  for (const [task, source] of sources) {
    const twin = registry.get(task.name);
    if (twin === task) continue;
    if (twin) {
      throw twins(task.name, origin.get(task.name) ?? '', source);
    }
    checkUnique(specOf(task));
    checkInput(task);
    registry.set(task.name, task);
    origin.set(task.name, source);
  }
  return registry;
}

const EXTENSION = /\.[cm]?[jt]sx?$/;

function twins(name: string, first: string, second: string): DefinitionError {
  const isCompiled = first.replace(EXTENSION, '') === second.replace(EXTENSION, '');
  const cure = isCompiled
    ? '; one looks like the other compiled: compile into a folder of its own, or name only one kind of files'
    : '';
  return new DefinitionError(`Two tasks are named "${name}": in ${first} and ${second}${cure}`);
}

/** By a property that is never there all tasks would be equal, and all but the first be dropped. */
function checkUnique({ name, input, options: { unique } }: TaskSpec): void {
  const properties = input?.properties;
  if (!unique?.key || typeof properties !== 'object' || properties === null) return;
  const known = Object.keys(properties);
  const wrong = unique.key.find((key) => !known.includes(key));
  if (wrong === undefined) return;
  throw new DefinitionError(
    `Expected the unique.key of task "${name}" to name properties of its input, got "${wrong}"` +
      didYouMean(wrong, known),
  );
}

/** Such a task would be FAILURE whatever is sent. */
function checkInput({ name, schema }: Task): void {
  const problem = inputProblem(schema);
  if (problem) throw new DefinitionError(`The input of task "${name}" cannot be sent: ${problem}`);
}

/** What the cluster may know of a task. */
export function specOf(task: Task): TaskSpec {
  const { options } = task;
  return {
    name: task.name,
    description: options.description ?? null,
    input: jsonSchemaOf(task),
    validates: task.schema !== undefined,
    options: {
      queue: options.queue ?? DEFAULT_QUEUE,
      priority: options.priority ?? DEFAULT_PRIORITY,
      expires: options.expires ?? null,
      max_retries: options.retry ? (options.retry.max ?? DEFAULT_RETRY.max) : 0,
      time_limit: options.timeLimit ?? null,
      soft_time_limit: options.softTimeLimit ?? null,
      rate_limit: options.rateLimit ?? null,
      max_concurrency: options.maxConcurrency ?? null,
      run_in: options.runIn ?? null,
      acks_late: options.acksLate ?? true,
      unique: uniqueOf(options.unique),
      result_expires: options.resultExpires ?? null,
      ignore_result: options.ignoreResult ?? false,
    },
  };
}

function uniqueOf(unique: UniqueOptions | undefined): TaskSpec['options']['unique'] {
  return unique ? { key: unique.key ?? null, ttl: unique.ttl ?? UNIQUE_TTL } : null;
}

/** What JSON Schema cannot say, such as a date, is anything: the worker checks it. As zod knows it. */
const LIBRARY_OPTIONS = { unrepresentable: 'any', override: leaveFlagged };

/** A part of a zod schema, and what zod would publish of it. */
interface Published {
  readonly zodSchema: { readonly _zod: { readonly def: ZodPatterns } };
  readonly jsonSchema: { pattern?: unknown; allOf?: unknown };
}

interface ZodPatterns {
  readonly type: string;
  readonly pattern?: RegExp;
  readonly checks?: readonly { readonly _zod: { readonly def: { readonly pattern?: RegExp } } }[];
}

/** JSON Schema has no flags: `/^a$/i` without its own would refuse an A that the task takes. */
function leaveFlagged({ zodSchema, jsonSchema }: Published): void {
  const { type, pattern, checks = [] } = zodSchema._zod.def;
  const patterns = [pattern, ...checks.map((each) => each._zod.def.pattern)];
  const isFlagged = patterns.some((each) => /[imsv]/.test(each?.flags ?? ''));
  if (type !== 'string' || !isFlagged) return;
  delete jsonSchema.pattern;
  // Several patterns of one text.
  delete jsonSchema.allOf;
}

/** The schema as JSON Schema, where its library can say so (Standard JSON Schema: zod 4, arktype). */
function jsonSchemaOf(task: Task): Record<string, unknown> | null {
  if (!task.schema) return null;
  const standard: Partial<StandardJSONSchemaV1.Props> = task.schema['~standard'];
  const options = { target: 'draft-2020-12', libraryOptions: LIBRARY_OPTIONS } as const;
  try {
    return standard.jsonSchema?.input(options) ?? null;
  } catch {
    // A library without such an option: the worker alone checks the input.
    return null;
  }
}
