/** Which test files speak of a source: where a change to it should be noticed first. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Tree {
  readonly root: string;
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

/** What all use has tests all over; those of its folder run anyway. */
const NEAR_MAX = 16;

/** The tests of its name, then those that import it; where there are none, those of who uses it. */
export function nearTests(file: string, tree: Tree): string[] {
  const own = testsNaming(file, tree);
  if (own.length > 0) return own.slice(0, NEAR_MAX);
  const users = usersOf(file, tree);
  // A script is run by one function, which is as little known to tests.
  const all = file.endsWith('.lua')
    ? users.flatMap((user) => [user, ...usersOf(user, tree)])
    : users;
  return [...new Set(all.flatMap((user) => testsNaming(user, tree)))].slice(0, NEAR_MAX);
}

/** The tests of its folder, then those of the folder above: where is noticed what no nearer test knows. */
export function folderTests(file: string, { tests }: Tree): string[] {
  const [top = ''] = file.split('/');
  const below = tests.filter((test) => test.startsWith(`test/${top}/`));
  const [beside, rest] = split(below, (test) => dirname(test) === join('test', dirname(file)));
  return [...beside, ...rest];
}

function testsNaming(file: string, { root, tests }: Tree): string[] {
  const name = nameOf(file);
  const mirror = join('test', dirname(file), `${name}.test.ts`).replace('/lua/', '/');
  const isNamed = (test: string) => basename(test) === `${name}.test.ts`;
  const [mirrors, others] = split(tests, (test) => test === mirror);
  const [named, rest] = split(others, isNamed);
  return [...mirrors, ...named, ...rest.filter((test) => mentions(read(root, test), file))];
}

function usersOf(file: string, tree: Tree): string[] {
  const users = tree.sources.filter(
    (source) => source !== file && uses(read(tree.root, source), file),
  );
  return file.includes('/parts/') ? users.flatMap((user) => usersOf(user, tree)) : users;
}

function uses(text: string, file: string): boolean {
  if (file.includes('/parts/')) return text.includes(`-- @use ${nameOf(file)}\n`);
  if (!file.endsWith('.lua')) return text.includes(`/${basename(file)}'`);
  return text.includes(`'${nameOf(file)}'`) && !text.includes('type Script ='); // The list of all.
}

function mentions(text: string, file: string): boolean {
  return text.includes(file.endsWith('.lua') ? `'${nameOf(file)}'` : `/${file}'`);
}

const nameOf = (file: string) => basename(file).replace(/\.\w+$/, '');
const read = (root: string, file: string) => readFileSync(join(root, file), 'utf8');

function split<T>(items: readonly T[], is: (item: T) => boolean): [T[], T[]] {
  return [items.filter(is), items.filter((item) => !is(item))];
}
