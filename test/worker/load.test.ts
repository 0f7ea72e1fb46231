import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { DefinitionError } from '../../shared/errors.ts';
import { loadTasks } from '../../worker/load.ts';
import { defer } from '../support/defer.ts';

const KAJE = new URL('../../client/index.ts', import.meta.url).href;
/** What CommonJS can require on each version of Node. */
const BUILT = fileURLToPath(new URL('../../dist-test/client/index.js', import.meta.url));
const THROWS = 'throw new Error("imported although it was left out")';
const taskModule = (...names: readonly string[]) =>
  [
    `import { defineTask } from '${KAJE}';`,
    ...names.map((name) => `export const ${name} = defineTask('${name}', { run: () => 1 });`),
  ].join('\n');

/** A folder with these modules, away from the project; file -> text. */
async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kaje tasks-'));
  defer(() => rm(folder, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  return folder;
}

const namesIn = async (...paths: string[]) => [...(await loadTasks(paths)).keys()].sort();

async function refusal(...paths: string[]): Promise<string> {
  const error = await loadTasks(paths).catch((reason: unknown) => reason);
  expect(error).to.be.instanceOf(DefinitionError);
  return (error as DefinitionError).message;
}

describe('the loading of task modules', () => {
  for (const file of ['tasks.ts', 'tasks.mjs', 'tasks.js']) {
    it(`takes a file: ${file}`, async () => {
      const folder = await folderOf({
        'package.json': '{"type":"module"}',
        [file]: taskModule('a', 'b'),
      });
      expect(await namesIn(join(folder, file))).to.deep.equal(['a', 'b']);
    });
  }

  it('takes all modules below a folder, but no declarations, tests and packages', async () => {
    const folder = await folderOf({
      'a.ts': taskModule('a'),
      'deep/er/b.mjs': taskModule('b'),
      'readme.txt': 'no module',
      'c.cts': `const { defineTask } = require('${BUILT}');
        exports.c = defineTask('c', { run: () => 1 });`,
      'a.test.ts': THROWS,
      'a.spec.ts': THROWS,
      '__tests__/a.ts': THROWS,
      'deep/__mocks__/x.mjs': THROWS,
      'types.d.ts': THROWS,
      'types.d.mts': THROWS,
      'node_modules/x/index.js': THROWS,
    });
    expect(await namesIn(folder)).to.deep.equal(['a', 'b', 'c']);
    const all = `${folder.replaceAll('\\', '/')}/**/*.{mjs,ts,cts}`;
    expect(await namesIn(all)).to.deep.equal(['a', 'b', 'c']);
    const test = join(folder, 'a.spec.ts');
    expect(await refusal(test)).to.match(/imported although it was left out/);
  });

  it('takes the default export of CommonJS, as written by hand and by compilers', async () => {
    const define = `const { defineTask } = require('${BUILT}');`;
    const mark = 'Object.defineProperty(exports, "__esModule", { value: true });';
    const task = (name: string) => `defineTask('${name}', { run: () => 1 })`;
    const folder = await folderOf({
      'package.json': '{}',
      'a.js': `${define} module.exports = { a: ${task('a')} };`,
      'b.js': `${define} module.exports = ${task('b')};`,
      'c.js': `${mark} ${define} exports.default = { c: ${task('c')} };`,
      'd.js': `${mark} ${define} exports.default = ${task('d')};`,
      'e.ts': `import { defineTask } from '${BUILT}'; export default { e: ${task('e')} };`,
    });
    expect(await namesIn(folder)).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
  });

  for (const extension of ['cjs', 'mts', 'cts', 'tsx']) {
    it(`takes a file that is named: .${extension}`, async () => {
      const isCommonJs = extension.startsWith('c');
      const text = isCommonJs
        ? `const { defineTask } = require('${BUILT}'); exports.a = defineTask('a', { run: () => 1 });`
        : taskModule('a');
      const folder = await folderOf({ [`a.${extension}`]: text });
      expect(await namesIn(join(folder, `a.${extension}`))).to.deep.equal(['a']);
    });
  }

  it('names the modules that export no task', async () => {
    const folder = await folderOf({
      'a.ts': taskModule('a'),
      'forgotten.ts': taskModule('b').replace('export ', ''),
      'helper.mjs': 'export const help = 1;',
    });
    const told: unknown[] = [];
    await loadTasks([folder], (modules) => told.push(modules.map((name) => basename(name))));
    expect(told).to.deep.equal([['forgotten.ts', 'helper.mjs']]);
    await loadTasks([join(folder, 'a.ts')], () => told.push('nothing to tell'));
    expect(told).to.have.length(1);
  });

  it('takes globs, and several paths that meet', async () => {
    const folder = await folderOf({
      'a.ts': taskModule('a'),
      'b.ts': taskModule('b'),
      'c.mjs': taskModule('c'),
    });
    expect(await namesIn(join(folder, '*.ts').replaceAll('\\', '/'))).to.deep.equal(['a', 'b']);
    expect(await namesIn(folder, join(folder, 'a.ts'))).to.deep.equal(['a', 'b', 'c']);
  });

  it('takes one task that two modules export, and passes over other exports', async () => {
    const folder = await folderOf({
      'a.ts': `${taskModule('a')}\nexport const other = 7;\nexport default { name: 'x', run() {} };`,
      'index.ts': `export * from './a.ts';`,
    });
    expect(await namesIn(folder)).to.deep.equal(['a']);
  });

  const wrong: readonly [why: string, files: Record<string, string>, path: string, says: RegExp][] =
    [
      ['a missing file', {}, 'none.ts', /none\.ts: no such file, folder or match/],
      ['a glob without match', {}, '*.ts', /\*\.ts: no such file, folder or match/],
      [
        'an empty folder',
        { 'a.txt': '' },
        '.',
        /no module \(.js, .mjs, .cjs, .ts, .mts, .cts\) in the folder/,
      ],
      ['a module without tasks', { 'a.ts': 'export const a = 1;' }, 'a.ts', /^No tasks in .*a\.ts/],
      [
        'a module that throws',
        { 'a.ts': 'throw new Error("no key");' },
        'a.ts',
        /a\.ts could not be imported: .*no key/,
      ],
      [
        'a missing import',
        { 'a.ts': "import './b.ts';" },
        'a.ts',
        /a\.ts could not be imported: .*b\.ts/,
      ],
      [
        'a wrong task',
        { 'a.ts': taskModule('a').replace("('a'", "('1 a'") },
        'a.ts',
        /a\.ts: Expected a task name/,
      ],
      [
        'two tasks of one name',
        { 'a.ts': taskModule('a'), 'b.ts': taskModule('a') },
        '.',
        /Two tasks are named "a": in .*a\.ts and .*b\.ts/,
      ],
    ];
  for (const [why, files, path, says] of wrong) {
    it(`refuses ${why} and says where`, async () => {
      const folder = await folderOf(files);
      expect(await refusal(join(folder, path))).to.match(says);
    });
  }

  it('shows the frames of the module, not of those who load it', async () => {
    const throwing = 'const connect = () => {\n  throw new TypeError("no key");\n};\nconnect();';
    const folder = await folderOf({ 'a.ts': throwing });
    const [head, ...frames] = (await refusal(folder)).split('\n');
    expect(head).to.match(/a\.ts could not be imported: TypeError: no key$/);
    expect(frames[0]).to.match(/at connect \(.*a\.ts:2:/);
    for (const frame of frames) expect(frame).to.match(/a\.ts:\d/);
  });

  it('says the place of a syntax error and nothing else', async () => {
    const folder = await folderOf({ 'a.ts': 'export const a = (;' });
    expect(await refusal(folder)).to.match(/a\.ts:1:18: ERROR: Unexpected ";"$/);
  });
});
