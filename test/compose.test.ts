/** What the container files must keep true beside the code; they are run by hand, these facts by test. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { loadConfig, SETTINGS } from '../shared/config.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const json = (file: string) => JSON.parse(text(file));

const dockerfile = text('Dockerfile');
const compose = text('docker-compose.yml');
const service = (name: string) =>
  new RegExp(`^  ${name}:\\n((?:    .*\\n|\\n)+)`, 'm').exec(compose)?.[1] ?? '';
const lineOf = (part: string, key: string) =>
  new RegExp(`^ +${key}: *(.*)$`, 'm').exec(part)?.[1] ?? '';

describe('Dockerfile', () => {
  const stages = dockerfile.split(/^FROM /m);
  const runtime = stages.at(-1) ?? '';
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) =>
    `${sources}`.split(' '),
  );

  it('copies only what exists and what .dockerignore lets in', () => {
    const allowed = text('.dockerignore').match(/(?<=^!).+$/gm) ?? [];
    expect(copied.filter((file) => !existsSync(join(ROOT, file)))).to.deep.equal([]);
    expect([...new Set(copied)].sort()).to.deep.equal([...allowed].sort());
    expect(text('.dockerignore')).to.match(/^\*$/m);
  });

  it('copies every folder that the build compiles', () => {
    expect(copied).to.include.members(json('tsconfig.build.json').include);
  });

  it('starts the command of the package, without a shell and without root', () => {
    expect(runtime).to.include(`ENTRYPOINT ["node", "/app/${json('package.json').bin.kaje}"]`);
    expect(runtime).to.match(/^USER node$/m);
    expect(runtime).to.not.match(/^USER root$/m);
  });

  it('runs on a Node that the package allows', () => {
    const [, major] = /^ARG NODE_IMAGE=node:(\d+)-/m.exec(dockerfile) ?? [];
    expect(json('package.json').engines.node).to.match(new RegExp(`^>=${major}\\.`));
  });

  it('listens on all interfaces, and on no other setting differs from the defaults', () => {
    const env = Object.fromEntries(
      [...runtime.matchAll(/(KAJE_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    );
    const all = '0.0.0.0';
    expect(loadConfig(env)).to.deep.equal(loadConfig({}, { host: all, healthHost: all }));
  });
});

describe('docker-compose.yml', () => {
  const seconds = (part: string, key: string) => Number.parseFloat(lineOf(part, key));

  it('names only settings that exist', () => {
    const own = ['KAJE_TASKS', 'KAJE_QUEUES', 'KAJE_NAME'];
    const known = [...Object.values(SETTINGS).map(({ env }) => env), ...own];
    const named = compose.match(/(?<=^ +)KAJE_\w+(?=:)/gm) ?? [];
    expect(named).to.include.members(['KAJE_REDIS_URL', 'KAJE_TASKS']);
    expect(known).to.include.members(named);
  });

  it('gives a worker longer to stop than its tasks get to finish', () => {
    const worker = service('worker');
    expect(seconds(worker, 'KAJE_GRACE')).to.be.greaterThan(0);
    expect(seconds(worker, 'stop_grace_period')).to.be.at.least(seconds(worker, 'KAJE_GRACE') + 5);
  });

  it('leaves workers free to be scaled: no fixed name, no published port', () => {
    expect(service('worker')).to.not.match(/^ +(ports|container_name|hostname|KAJE_NAME):/m);
    expect(service('worker')).to.include('command: [worker]');
  });

  it('publishes the port that the API listens on, and nothing else', () => {
    const { port } = loadConfig({});
    expect(lineOf(service('api'), 'ports')).to.equal(`["\${KAJE_PORT:-${port}}:${port}"]`);
    expect(compose.match(/^ +ports:/gm)).to.have.length(1);
  });

  it('checks the health of each process on its own port', () => {
    const checked = (part: string) => /127\.0\.0\.1:(\d+)\/health\/ready/.exec(part)?.[1];
    expect(checked(service('api'))).to.equal(String(loadConfig({}).port));
    expect(checked(service('worker'))).to.equal(lineOf(service('worker'), 'KAJE_HEALTH_PORT'));
  });

  it('keeps every task in a Redis that neither evicts nor forgets', () => {
    const redis = service('redis');
    expect(redis).to.include('--appendonly yes').and.include('--maxmemory-policy noeviction');
    expect(redis).to.include('volumes: ["redis-data:/data"]');
  });
});
