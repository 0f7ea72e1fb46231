import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { equivalents, mutationsOf, sourcesOf, stale, testsOf } from './find.ts';
import { changesOfLua } from './lua.ts';
import { type Change, KINDS, located, mutated } from './mutation.ts';
import { folderTests, nearTests } from './nearTests.ts';
import { sample } from './sample.ts';
import { changesOfTypeScript } from './typescript.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TREE = { root: ROOT, sources: sourcesOf(ROOT), tests: testsOf(ROOT) };

const of = (source: string, changes: readonly Change[]) =>
  changes.map((change) => [change.kind, mutated(source, change)]);

describe('the changes to TypeScript', () => {
  const cases: readonly [source: string, ...found: (readonly [string, string])[]][] = [
    ['void stop();', ['call removed', '{}']],
    ['await stop();', ['call removed', '{}'], ['await removed', 'stop();']],
    ['const a = await b();'],
    ['f(a && b);', ['call removed', '{}'], ['condition negated', 'f(a || b);']],
    [
      'a = (b + c) * d;',
      ['bound or arithmetic', 'a = (b + c) / d;'],
      ['bound or arithmetic', 'a = (b - c) * d;'],
    ],
    ["a = 'a' + b;", ['constant', "a = 'a~' + b;"]],
    ["a = 'words for people';"],
    ["import a from 'a';"],
    ["type A = 'a' | 1;"],
    [
      'a = true ? 1 : 30;',
      ['condition negated', 'a = !(true) ? 1 : 30;'],
      ['condition negated', 'a = false ? 1 : 30;'],
      ['constant', 'a = true ? 0 : 30;'],
      ['constant', 'a = true ? 1 : 300;'],
    ],
    [
      'const f = () => { if (a) return; b(); };',
      ['function emptied', 'const f = () => {};'],
      ['condition negated', 'const f = () => { if (!(a)) return; b(); };'],
      ['return removed', 'const f = () => { if (a) {} b(); };'],
      ['call removed', 'const f = () => { if (a) return; {} };'],
    ],
    ['const f = () => { return 2; };', ['constant', 'const f = () => { return 3; };']],
  ];
  for (const [source, ...found] of cases) {
    it(`of \`${source}\` are ${found.length}`, () => {
      expect(of(source, changesOfTypeScript(source))).to.deep.equal(found);
    });
  }
});

describe('the changes to Lua', () => {
  const cases: readonly [source: string, ...found: (readonly [string, string])[]][] = [
    ["redis.call('DEL', a)\n", ['call removed', '\n']],
    ["local a = redis.call('GET', 'b')\n", ['constant', "local a = redis.call('GET', 'b~')\n"]],
    ['if a then\n', ['condition negated', 'if not (a) then\n']],
    ['local a = b and c -- and d', ['condition negated', 'local a = b or c -- and d']],
    ['local a = b == c', ['condition negated', 'local a = b ~= c']],
    [
      'local a = b + 1',
      ['bound or arithmetic', 'local a = b - 1'],
      ['constant', 'local a = b + 0'],
    ],
    ['f(\n  a,\n  b\n)\nlocal c = d', ['call removed', '\nlocal c = d']],
    [
      'if a then\n  return b\nend',
      ['condition negated', 'if not (a) then\n  return b\nend'],
      ['return removed', 'if a then\n  \nend'],
    ],
  ];
  for (const [source, ...found] of cases) {
    it(`of \`${source.replaceAll('\n', ' ')}\` are ${found.length}`, () => {
      expect(of(source, changesOfLua(source))).to.deep.equal(found);
    });
  }
});

describe('a change', () => {
  it('is told by its line, before and after', () => {
    const source = 'first();\n  second(1);\n';
    const [, , change] = located('a.ts', source, changesOfTypeScript(source));
    expect(change).to.include({ file: 'a.ts', line: 2, change: 'second(1); => second(0);' });
  });

  it('is drawn by lot, of each kind as many, the same for the same seed', () => {
    const all = mutationsOf(ROOT, ['shared/watcher.ts', 'shared/lua/turns.lua']);
    const drawn = sample(all, 7, 7);
    for (const kind of KINDS) {
      expect(
        drawn.filter((each) => each.kind === kind),
        kind,
      ).to.have.length(1);
    }
    expect(sample(all, 7, 7)).to.deep.equal(drawn);
    expect(sample(all, 7, 8)).not.to.deep.equal(drawn);
    expect(sample(all, 100_000, 7)).to.have.members(all);
  });

  it('that changes nothing is listed as long as it can be made', () => {
    expect(stale(ROOT, equivalents(ROOT))).to.deep.equal([]);
    const gone = { file: 'shared/watcher.ts', change: 'a => b', reason: 'none' };
    expect(stale(ROOT, [gone])).to.deep.equal([gone]);
  });
});

describe('the tests near a source', () => {
  it('begin with that of its name', () => {
    expect(nearTests('shared/watcher.ts', TREE)[0]).to.equal('test/shared/watcher.test.ts');
    expect(nearTests('shared/lua/addTasks.lua', TREE)[0]).to.equal('test/shared/addTasks.test.ts');
  });

  it('are those of who uses it, where none speaks of it', () => {
    expect(nearTests('shared/lua/removeEnded.lua', TREE)).to.include(
      'test/shared/brokers/redis.test.ts',
    );
  });

  it('lie in the folder of its top folder', () => {
    const tests = folderTests('client/transports/http.ts', TREE);
    expect(tests).to.include('test/client/http.test.ts');
    expect(tests.filter((test) => !test.startsWith('test/client/'))).to.deep.equal([]);
  });
});
