/** Finds and imports task modules: .js, .mjs and .ts files, folders, globs. */
import { stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { glob } from 'tinyglobby';
import { DefinitionError } from '../shared/errors.ts';
import { createRegistry, type Registry } from '../shared/registry.ts';
import { isTask, type Task } from '../shared/task.ts';
import { framesOf, typeOf } from './outcome.ts';

const MODULES = ['**/*.{js,mjs,ts}', '!**/*.d.ts', '!**/*.test.*', '!**/node_modules/**'];

/**
 * The tasks that the modules at `paths` export.
 * @param paths files, folders (all modules below) and globs, from the working directory
 * @throws DefinitionError for what is missing, fails to import, has no tasks, or twins in name
 */
export async function loadTasks(paths: readonly string[]): Promise<Registry> {
  const files = (await Promise.all(paths.map(filesAt))).flat();
  const sources: [Task, string][] = [];
  for (const file of new Set(files)) {
    const name = relative(process.cwd(), file);
    for (const task of await tasksIn(file, name)) sources.push([task, name]);
  }
  if (sources.length === 0) {
    throw new DefinitionError(`No tasks in ${paths.join(', ')}: export what defineTask() returns`);
  }
  return createRegistry(sources);
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [resolve(path)];
  const files = found?.isDirectory()
    ? await glob(MODULES, { cwd: path, absolute: true })
    : await glob(path, { absolute: true });
  if (files.length > 0) return files.sort();
  const what = found ? 'no .js, .mjs or .ts file in the folder' : 'no such file, folder or match';
  throw new DefinitionError(`--tasks ${path}: ${what}`);
}

async function tasksIn(file: string, name: string): Promise<Task[]> {
  if (file.endsWith('.ts')) await allowTypeScript();
  try {
    const module: Record<string, unknown> = await import(pathToFileURL(file).href);
    return exportsOf(module).filter(isTask);
  } catch (error) {
    if (error instanceof DefinitionError)
      throw new DefinitionError(`${name}: ${error.message}`, { cause: error });
    throw new DefinitionError(`${name} could not be imported: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Frames of whoever loads the file: they tell its author nothing. */
const LOADERS = /[( ]node:|\/node_modules\/(?:tsx|esbuild)\//;

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = framesOf(error).split('\n');
  const theirs = frames.filter((frame) => !LOADERS.test(frame));
  return [`${typeOf(error)}: ${error.message}`, ...theirs.filter(Boolean)].join('\n');
}

/** A CommonJS module has its exports in `default`, and Node finds only some of them by name. */
function exportsOf({ default: main, ...named }: Record<string, unknown>): unknown[] {
  const inside =
    typeof main === 'object' && main !== null && !isTask(main) ? Object.values(main) : [];
  return [...new Set([...Object.values(named), main, ...inside])];
}

let isTypeScriptAllowed = false;

/**
 * Node 20 cannot import .ts; tsx is loaded only when a task module needs it. For both kinds of
 * modules: a .ts file below a package.json without `"type": "module"` is CommonJS.
 */
async function allowTypeScript(): Promise<void> {
  if (isTypeScriptAllowed || import.meta.url.endsWith('.ts')) return;
  const [esm, cjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
  cjs.register();
  esm.register();
  isTypeScriptAllowed = true;
}
