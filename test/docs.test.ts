/** The documentation is kept true: examples run, links lead somewhere, tables are complete. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { apiCommand } from '../cli/commands/api.ts';
import { workerCommand } from '../cli/commands/worker.ts';
import { type Config, flagOf, SETTINGS } from '../shared/config.ts';
import { ROUTES } from '../shared/protocol.ts';
import { loadTasks } from '../worker/load.ts';
import { startWorker } from '../worker/worker.ts';
import { startTestApi, type TestApi } from './support/api.ts';
import { defer } from './support/defer.ts';
import { silentLog } from './support/redis.ts';
import { runWorkerProcess } from './support/worker.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** What each does, and what it has to say. One test for each: on a busy machine a process takes seconds to load. */
const EXAMPLES = [
  ['sends a task', 'send.ts', /^\{ sent: 'ada@example\.com', subject: 'Hello' \}\n$/],
  [
    'follows its tasks',
    'follow.ts',
    /SUCCESS[\s\S]*\{ sent: 'grace@example\.com', subject: 'Hello' \}/,
  ],
  [
    'asks again, computes and revokes',
    'report.ts',
    /^19 letters after 2 retries\n\{ sent: 'ada@example\.com', subject: 'Hello' \}\n78498\nTaskRevokedError\n$/,
  ],
] as const;

/** A worker as `kaje worker --tasks docs/examples/tasks` starts it. */
async function startExampleWorker(config: Config): Promise<void> {
  const modules = [join(ROOT, 'docs/examples/tasks')];
  const registry = await loadTasks(modules);
  const queues = [{ name: 'default' }];
  const worker = await startWorker({ config, registry, queues, modules, log: silentLog() });
  defer(() => worker.stop(AbortSignal.abort()));
}

/** Runs an example as its own process against the API and worker of the test. */
async function runExample(file: string, api: TestApi): Promise<string> {
  const env = { ...process.env, KAJE_URL: api.url, KAJE_REDIS_URL: api.config.redisUrl };
  const child = fork(join(ROOT, 'docs/examples', file), {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  child.stdout?.on('data', (data) => (output += data));
  child.stderr?.on('data', (data) => (output += data));
  const [code] = await once(child, 'close');
  expect(code, output).to.equal(0);
  return output;
}

describe('the documentation', () => {
  for (const [what, file, told] of EXAMPLES) {
    it(`has an example that ${what}`, async () => {
      // The examples use the default prefix; this Redis is the tests' own.
      const api = await startTestApi({ prefix: 'kaje' });
      await startExampleWorker(api.config);
      expect(await runExample(file, api)).to.match(told);
    });
  }

  it('has an example of middleware that runs around its task', async () => {
    const api = await startTestApi();
    const module = join(ROOT, 'docs/examples/middleware/measured.ts');
    const worker = await runWorkerProcess(api.config, ['--tasks', module]);
    const run = async (headers: object) => {
      const task = { name: 'greet', kwargs: { name: 'Ada' }, headers };
      return (await api.post('/v1/send_task?wait=10', task)).body;
    };
    expect(await run({})).to.include({ state: 'SUCCESS', result: 'Hello Ada' });
    expect((await run({ tenant: 'closed' })).error.message).to.equal('this tenant is closed');
    expect(worker.output().match(/"ms":\d+.*"msg":"measured"/g)).to.have.length(2);
  });

  it('shows the examples as they are', () => {
    const shown = (page: string, example: string) => {
      const code = text(`docs/examples/${example}`).replace(
        "process.env.KAJE_URL ?? 'http://127.0.0.1:8000'",
        "'http://127.0.0.1:8000'",
      );
      expect(text(page)).to.include(code);
    };
    shown('README.md', 'tasks/mail.ts');
    shown('README.md', 'send.ts');
    shown('docs/tasks.md', 'tasks/thumbnail.ts');
    shown('docs/tasks.md', 'tasks/report.ts');
    shown('docs/isolation.md', 'tasks/primes.ts');
    shown('docs/middleware.md', 'middleware/measured.ts');
  });

  it('has links that lead somewhere', () => {
    const broken = PAGES.flatMap((page) =>
      [...text(page).matchAll(/\]\((?!https?:)([^)#]+)/g)]
        .filter(([, link = '']) => !existsSync(join(ROOT, dirname(page), link)))
        .map(([, link]) => `${page} -> ${link}`),
    );
    expect(broken).to.deep.equal([]);
  });

  it('names files that are there', () => {
    const named = (page: string) =>
      text(page).matchAll(/`((?:shared|worker|api|client|cli|test)\/[\w./]+\.(?:ts|lua))`/g);
    const gone = PAGES.flatMap((page) =>
      [...named(page)]
        .filter(([, file = '']) => !existsSync(join(ROOT, file)))
        .map(([, file]) => `${page}: ${file}`),
    );
    expect(gone).to.deep.equal([]);
  });

  it('lists every setting with its default', () => {
    const rows = text('docs/settings.md');
    for (const { env, default: fallback, doc } of Object.values(SETTINGS)) {
      const shown = String(fallback) === '' ? '' : `\`${fallback}\` `;
      expect(rows).to.include(`| \`${env}\` | ${shown}| ${doc} |`);
    }
  });

  it('has a flag for every setting, on the API or on the worker', () => {
    const commands = [apiCommand(), workerCommand()];
    const flags = commands.flatMap(({ options }) => options.map(({ long }) => long));
    expect(flags).to.include.members(Object.values(SETTINGS).map(({ env }) => flagOf(env)));
  });

  it('lists every route', () => {
    const page = text('docs/http.md').replaceAll(/\{\w+\}/g, '{}');
    for (const { path } of Object.values(ROUTES)) {
      expect(page).to.include(
        path.replaceAll(/\{\w+\}/g, '{}').replace('/health/ready', '/health/'),
      );
    }
  });

  it('keeps the README within 130 lines', () => {
    expect(text('README.md').split('\n').length).to.be.at.most(130);
  });
});
