/** Finds and imports task modules: JavaScript and TypeScript files, folders, globs. */
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { glob } from 'tinyglobby';
import { DefinitionError } from '../shared/errors.ts';
import { isError, messageOf, textOf } from '../shared/errorText.ts';
import { createRegistry, type Registry } from '../shared/registry.ts';
import { isTask, type Task } from '../shared/task.ts';
import { framesOf, typeOf } from './outcome.ts';

const MODULES = ['**/*.{js,mjs,cjs,ts,mts,cts}', '!**/node_modules/**'];
/** Unless it is named by itself: what lies beside tasks for compilers and test runners. */
const LEFT_OUT = /\.d\.[mc]?ts$|\.(?:test|spec)\.\w+$|(?:^|\/)__(?:tests|mocks)__\//;

/**
 * The tasks that the modules at `paths` export.
 * @param paths files, folders (all modules below) and globs, from the working directory
 * @param onTaskless told the modules that export no task: helpers, or a forgotten `export`
 * @throws DefinitionError for what is missing, fails to import, has no tasks, or twins in name
 */
export async function loadTasks(
  paths: readonly string[],
  onTaskless: (modules: readonly string[]) => void = () => undefined,
): Promise<Registry> {
  const files = (await Promise.all(paths.map(filesAt))).flat();
  const sources: [Task, string][] = [];
  const taskless: string[] = [];
  for (const file of new Set(files)) {
    const name = relative(process.cwd(), file);
    const tasks = await tasksIn(file, name);
    if (tasks.length === 0) taskless.push(name);
    for (const task of tasks) sources.push([task, name]);
  }
  if (sources.length === 0) {
    throw new DefinitionError(`No tasks in ${paths.join(', ')}: export what defineTask() returns`);
  }
  if (taskless.length > 0) onTaskless(taskless);
  return createRegistry(sources);
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return [resolve(path)];
  const cwd = found ? path : process.cwd();
  const all = await glob(found ? MODULES : path, { cwd, absolute: true });
  const files = all.filter((file) => !LEFT_OUT.test(relative(cwd, file).replaceAll(sep, '/')));
  if (files.length > 0) return files.sort();
  const what = found
    ? 'no module (.js, .mjs, .cjs, .ts, .mts, .cts) in the folder'
    : 'no such file, folder or match';
  throw new DefinitionError(
    `--tasks ${path}: ${what}; tests, declarations and packages are left out`,
  );
}

async function tasksIn(file: string, name: string): Promise<Task[]> {
  if (/\.[mc]?tsx?$/.test(file)) await allowTypeScript();
  try {
    return exportsOf(await imported(file)).filter(isTask);
  } catch (error) {
    if (error instanceof DefinitionError)
      throw new DefinitionError(`${name}: ${error.message}`, { cause: error });
    throw new DefinitionError(`${name} could not be imported: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

async function imported(file: string): Promise<object> {
  // import() would give it a `require` that finds only what was loaded before.
  if (file.endsWith('.cts')) return { default: createRequire(file)(file) };
  return import(pathToFileURL(file).href);
}

/** Frames of whoever loads the file: they tell its author nothing. */
const LOADERS = /[( ]node:|\/node_modules\/(?:tsx|esbuild)\//;

function reasonOf(error: unknown): string {
  if (!isError(error)) return textOf(error);
  const frames = framesOf(error).split('\n');
  const theirs = frames.filter((frame) => !LOADERS.test(frame));
  return [`${typeOf(error)}: ${messageOf(error)}`, ...theirs.filter(Boolean)].join('\n');
}

/** Where a compiled CommonJS module has its `export default`: `{ default: { __esModule, default: … } }`. */
const DEEPEST = 2;

/** A CommonJS module has its exports in `default`, and Node finds only some of them by name. */
function exportsOf(module: object, depth = 0): unknown[] {
  const main: unknown = Reflect.get(module, 'default');
  const holdsMore = typeof main === 'object' && main !== null && !isTask(main) && depth < DEEPEST;
  return [...new Set([...Object.values(module), ...(holdsMore ? exportsOf(main, depth + 1) : [])])];
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
