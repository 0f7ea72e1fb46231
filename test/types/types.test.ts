import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { build } from 'esbuild';
import { defer } from '../support/defer.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What must not compile, one line each, with what the compiler says of it. */
const MISTAKES: readonly (readonly [title: string, line: string, says: RegExp])[] = [
  ['a name that no task has', `kaje.sendTask('ad', { a: 1, b: 2 });`, /'"ad"' is not assignable/],
  ['an export that is no task', `kaje.sendTask('all', {});`, /'"all"' is not assignable/],
  ['a wrong input', `kaje.sendTask('add', { a: 1, b: 'x' });`, /'string' is not .* 'number'/],
  ['a field that is missing', `kaje.sendTask('add', { a: 1 });`, /Property 'b' is missing/],
  ['a field too many', `kaje.sendTask('add', { a: 1, b: 2, c: 3 });`, /'c' does not exist in type/],
  ['no input where one is required', `kaje.sendTask('add');`, /Expected 2-3 arguments, but got 1/],
  [
    'a result of another type',
    `const text: string = await (await kaje.sendTask('add', { a: 1, b: 2 })).get();`,
    /'number' is not assignable to type 'string'/,
  ],
  [
    'an option that does not exist',
    `kaje.sendTask('add', { a: 1, b: 2 }, { countDown: 1 });`,
    /'countDown' does not exist/,
  ],
  [
    'one of many with the input of another',
    `kaje.sendTasks([{ name: 'long', input: { a: 1, b: 2 } }]);`,
    /'a' does not exist in type|not assignable/,
  ],
  [
    'two times at once',
    `kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 1, eta: new Date() });`,
    /not assignable/,
  ],
  [
    'positional arguments in the place of the input',
    `kaje.sendTask('add', undefined, { args: [1, 2] });`,
    /'undefined' is not assignable/,
  ],
  ['an option of a client that does not exist', `new Kaje({ url: 'x', port: 1 });`, /'port' does/],
  ['both ways at once', `new Kaje({ url: 'x', redis: 'y' });`, /not assignable/],
  [
    'an event of a type that does not exist',
    `kaje.events({ types: ['task-faild'] });`,
    /'"task-faild"' is not assignable/,
  ],
  [
    'a field that not all events have',
    `for await (const event of kaje.events()) console.log(event.runtime);`,
    /'runtime' does not exist on type/,
  ],
  [
    'a field that the events asked for do not have',
    `for await (const { error } of kaje.events({ types: ['task-sent'] })) console.log(error);`,
    /'error' does not exist on type 'TaskSentEvent'/,
  ],
  ['a middleware that is none', `use((ctx) => ctx.nothing);`, /'nothing' does not exist|not assig/],
  [
    'a task with an option that does not exist',
    `defineTask('x', { retries: 3, run: () => 1 });`,
    /'retries' does not exist|No overload matches/,
  ],
];

describe('the types of the client', () => {
  let dir: string;

  beforeEach(async () => {
    // Below the root, where the compiler finds the packages.
    dir = await mkdtemp(join(ROOT, 'node_modules/.kaje-types-'));
    defer(() => rm(dir, { recursive: true }));
  });

  it('refuse what must not compile, each line with its own reason', async () => {
    const head = [
      `import { defineTask, Kaje, use } from '../../client/index.ts';`,
      `import type * as tasks from '../../test/client/tasks.ts';`,
      `const kaje = new Kaje<typeof tasks>({ url: 'http://127.0.0.1:8000' });`,
    ];
    const lines = [...head, ...MISTAKES.map(([, line]) => line), 'export {};'];
    const errors = errorsByLine(await compile(dir, lines.join('\n')));
    MISTAKES.forEach(([title, , says], i) => {
      expect(errors.get(head.length + i + 1), title).to.match(says);
    });
    expect(errors.size, [...errors.values()].join('\n')).to.equal(MISTAKES.length);
  });

  it('bring no code of the tasks into the program that sends them', async () => {
    const program = `
      import { Kaje } from '../../client/index.ts';
      import type * as tasks from '../../test/client/tasks.ts';
      await (await new Kaje<typeof tasks>({ url: 'x' }).sendTask('refuse')).get();`;
    await writeFile(join(dir, 'program.ts'), program);
    const { metafile } = await build({
      entryPoints: [join(dir, 'program.ts')],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((file) => /client\/kaje\.ts$/.test(file))).to.have.length(1);
    expect(
      inputs.filter((file) => /\bzod\b|client\/tasks\.ts$|\bworker\/|\bkoa/.test(file)),
    ).to.deep.equal([]);
  });
});

async function compile(dir: string, code: string): Promise<string> {
  await writeFile(join(dir, 'mistakes.ts'), code);
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: { rootDir: '../..' },
    include: ['*.ts'],
  };
  await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', dir, '--pretty', 'false'];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
  return stdout;
}

/** The first error of each line, with the lines that explain it. */
function errorsByLine(output: string): Map<number, string> {
  const errors = new Map<number, string>();
  for (const text of output.split(/\n(?=\S)/)) {
    const line = Number(/mistakes\.ts\((\d+),/.exec(text)?.[1]);
    if (line) errors.set(line, `${errors.get(line) ?? ''}${text}`);
  }
  return errors;
}
