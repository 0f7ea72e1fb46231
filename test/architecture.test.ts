/** Who may import whom, no cycles (types count), and sizes: docs/internals.md explains the ladder. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { STATES, TRANSITIONS } from '../shared/states.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['shared', 'worker', 'api', 'client', 'cli', 'tasks'];

const SOURCES = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);

const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** Everything that a file imports, values and types: files of ours by path, packages by name. */
function importsOf(file: string): string[] {
  const found = text(file).matchAll(/(?:from|import\()\s*'([^']+)'|^import\s+'([^']+)'/gm);
  return [...found].map(([, from, bare]) => resolved(file, from ?? bare ?? ''));
}

function resolved(file: string, specifier: string): string {
  if (!specifier.startsWith('.'))
    return specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
  return relative(ROOT, join(ROOT, dirname(file), specifier));
}

/** Files of shared/ that open something: a connection, a file, the clock of a logger. */
const DOORS = [
  'admission',
  'brokers/claims',
  'brokers/clock',
  'brokers/cluster',
  'brokers/clusterEvents',
  'brokers/cursor',
  'brokers/history',
  'brokers/limiter',
  'brokers/lister',
  'brokers/memory',
  'brokers/purge',
  'brokers/queues',
  'brokers/reader',
  'brokers/redis',
  'brokers/revoker',
  'bus',
  'catalog',
  'control',
  'failover',
  'gathering',
  'idempotency',
  'inputCheck',
  'log',
  'lua',
  'pauses',
  'producer',
  'redis',
  'redisTarget',
  'request',
  'scripts',
  'signals',
  'storing',
  'teller',
  'turns',
  'uniqueness',
  'version',
  'watcher',
].map((name) => `shared/${name}.ts`);

/** Libraries that may be known to some files only, so that each can be exchanged in one place. */
const KNOWN_TO: Readonly<Record<string, RegExp>> = {
  bullmq: /^(shared\/brokers\/queues|worker\/backend|worker\/delivery|worker\/source)\.ts$/,
  koa: /^api\//,
  '@koa/router': /^api\/router\.ts$/,
  'koa-compose': /^worker\/execute\.ts$/,
  commander: /^cli\//,
  pino: /^shared\/log\.ts$/,
  'pino-pretty': /^shared\/log\.ts$/,
  ajv: /^shared\/validation\.ts$/,
  'ajv-formats': /^shared\/validation\.ts$/,
  zod: /^tasks\//,
  uuid: /^shared\/ids\.ts$/,
  'eventsource-parser': /^client\/transports\/streams\.ts$/,
  tinyglobby: /^worker\/load\.ts$/,
  tsx: /^worker\/load\.ts$/,
};

/** folder -> folders whose files it may import, beside its own */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  worker: ['shared'],
  api: ['shared'],
  client: ['shared'],
  cli: ['shared', 'worker', 'api', 'client'],
  tasks: ['client'],
};

const folderOf = (file: string) => file.split('/')[0] ?? '';
const isOurs = (name: string) =>
  FOLDERS.includes(folderOf(name)) && name.includes('/') && name.endsWith('.ts');

describe('the architecture', () => {
  it('lets each folder import only what stands below it', () => {
    const wrong = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter((name) => isOurs(name) && folderOf(name) !== folderOf(file))
        .filter((name) => !MAY_IMPORT[folderOf(file)]?.includes(folderOf(name)))
        .map((name) => `${file} -> ${name}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('keeps the pure part of shared/ away from its doors and from anything that does I/O', () => {
    const pure = SOURCES.filter((file) => folderOf(file) === 'shared' && !DOORS.includes(file));
    const impure = (name: string) =>
      DOORS.includes(name) || name === 'ioredis' || name.startsWith('node:');
    const wrong = pure.flatMap((file) =>
      importsOf(file)
        .filter(impure)
        .map((name) => `${file} -> ${name}`),
    );
    expect(wrong).to.deep.equal([]);
    expect(pure.length).to.be.greaterThan(10);
  });

  it('knows each library in its own place only', () => {
    const wrong = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter((name) => KNOWN_TO[name] && !KNOWN_TO[name].test(file))
        .map((name) => `${file} -> ${name}`),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('reaches Redis from the client over its redis transport only', () => {
    const doors = SOURCES.filter(
      (file) => folderOf(file) === 'client' && file !== 'client/transports/redis.ts',
    ).flatMap((file) =>
      importsOf(file)
        .filter((name) => DOORS.includes(name))
        .map((name) => `${file} -> ${name}`),
    );
    expect(doors).to.deep.equal([]);
  });

  it('lets no step import another step and no route another route', () => {
    const siblings = (folder: string) =>
      SOURCES.filter((file) => dirname(file) === folder).flatMap((file) =>
        importsOf(file)
          .filter((name) => dirname(name) === folder)
          .map((name) => `${file} -> ${name}`),
      );
    expect([...siblings('worker/steps'), ...siblings('api/routes')]).to.deep.equal([]);
  });

  it('has no import cycle, types included', () => {
    const graph = new Map(SOURCES.map((file) => [file, importsOf(file).filter(isOurs)]));
    const done = new Set<string>();
    const cycleFrom = (file: string, path: readonly string[]): readonly string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of graph.get(file) ?? []) {
        const cycle = cycleFrom(next, [...path, file]);
        if (cycle) return cycle;
      }
      done.add(file);
      return undefined;
    };
    const cycles = SOURCES.map((file) => cycleFrom(file, [])).filter(Boolean);
    expect(cycles).to.deep.equal([]);
  });

  it('keeps files short, and has no room for everything', () => {
    const lines = (file: string) =>
      text(file)
        .split('\n')
        .filter((line) => /\S/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line));
    const long = SOURCES.filter(
      (file) => lines(file).length > (file === 'shared/protocol.ts' ? 450 : 250),
    );
    const vague = SOURCES.filter((file) =>
      /(^|\/)(utils?|helpers?|types|interfaces|common|misc)\.ts$/.test(file),
    );
    const barrels = SOURCES.filter(
      (file) => file.endsWith('/index.ts') && file !== 'client/index.ts',
    );
    expect([...long, ...vague, ...barrels]).to.deep.equal([]);
  });

  it('uses no `any` and silences neither compiler nor linter', () => {
    const silenced =
      /:\s*any\b|\bas any\b|<any>|@ts-ignore|@ts-expect-error|@ts-nocheck|biome-ignore/;
    const code = (file: string) => text(file).replaceAll(/^\s*(\/\*\*|\*).*$/gm, '');
    expect(SOURCES.filter((file) => silenced.test(code(file)))).to.deep.equal([]);
  });

  it('draws every state and every transition in docs/lifecycle.md', () => {
    const drawn = text('docs/lifecycle.md');
    const missing = STATES.flatMap((state) =>
      TRANSITIONS[state]
        .map((next) => `${state} --> ${next}`)
        .filter((arrow) => !drawn.includes(arrow)),
    );
    expect(missing).to.deep.equal([]);
  });
});
