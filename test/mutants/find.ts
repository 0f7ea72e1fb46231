/** Finds every change that can be made to the sources, but for those that change nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changesOfLua } from './lua.ts';
import { located, type Mutation } from './mutation.ts';
import { changesOfTypeScript } from './typescript.ts';

/** A change that no test can notice, because nothing behaves otherwise. */
export interface Equivalent {
  readonly file: string;
  readonly change: string;
  readonly reason: string;
}

const FOLDERS = ['shared', 'worker', 'api', 'client', 'cli'];
const LIST = 'test/mutants/equivalent.json';

export function sourcesOf(root: string): string[] {
  return FOLDERS.flatMap((folder) => filesIn(root, folder)).filter((file) =>
    /\.(ts|lua)$/.test(file),
  );
}

export function testsOf(root: string): string[] {
  return filesIn(root, 'test').filter((file) => file.endsWith('.test.ts'));
}

function filesIn(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
    join(folder, file),
  );
}

export function mutationsOf(root: string, files: readonly string[]): Mutation[] {
  return files.flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    // The parts of scripts are no scripts: `-- @use` puts them into others.
    const changes = file.endsWith('.lua') ? changesOfLua(source) : changesOfTypeScript(source);
    return located(file, source, changes);
  });
}

export function equivalents(root: string): Equivalent[] {
  // The list is ours: its form is that of Equivalent.
  return JSON.parse(readFileSync(join(root, LIST), 'utf8')) as Equivalent[];
}

const keyOf = ({ file, change }: Pick<Equivalent, 'file' | 'change'>) => `${file}: ${change}`;

export function isListed(list: readonly Equivalent[]) {
  const known = new Set(list.map(keyOf));
  return (mutation: Mutation) => known.has(keyOf(mutation));
}

/** Listed changes that cannot be made any more: their line has changed or gone. */
export function stale(root: string, list: readonly Equivalent[]): Equivalent[] {
  const files = sourcesOf(root).filter((file) => list.some((each) => each.file === file));
  const possible = new Set(mutationsOf(root, files).map(keyOf));
  return list.filter((each) => !possible.has(keyOf(each)));
}
