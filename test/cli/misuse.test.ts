import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { closedPort } from '../client/connect.ts';
import { defer } from '../support/defer.ts';
import { FIXTURES, runKaje } from '../support/worker.ts';

const COMMANDS = [
  ...['start', 'api', 'worker', 'send', 'result', 'registry', 'queues', 'workers', 'doctor'],
  ...['top', 'status', 'inspect', 'control', 'pause', 'resume', 'purge'],
];

type Misuse = readonly [title: string, args: string[], line: RegExp, env?: NodeJS.ProcessEnv];

const MISUSES: readonly Misuse[] = [
  ['a command that does not exist', ['sendd'], /unknown command 'sendd'\n\(Did you mean send\?\)/],
  [
    'an option that does not exist',
    ['queues', '--jsonn'],
    /unknown option '--jsonn'\n\(Did you mean --json\?\)/,
  ],
  ['an argument that is missing', ['send'], /missing required argument 'name'/],
  ['args that are no JSON', ['send', 'add', '--args', '[1'], /'--args <json>'.*It is no JSON/],
  [
    'kwargs with a number that no double holds',
    ['send', 'add', '--kwargs', '{"a":[1,9007199254740993]}'],
    /No double holds 9007199254740993 at \/a\/1: send it as a text/,
  ],
  [
    'a header with a number that no double holds',
    ['revoke', '--header', 'tenant=9007199254740993'],
    /No double holds 9007199254740993: send it as a text/,
  ],
  ['args that are no list', ['send', 'add', '--args', '{}'], /Expected a JSON array/],
  ['kwargs that are no object', ['send', 'add', '--kwargs', '[]'], /Expected a JSON object/],
  [
    'a wait that is no number',
    ['result', 'x', '--wait', 'soon'],
    /Expected seconds, 0 or more; names and ids go before --wait/,
  ],
  ['a count that is none', ['send', 'a', '--max-retries', '1.5'], /Expected a whole number/],
  [
    'an URL that is none',
    ['queues', '--url', 'nonsense'],
    /Expected the URL of an API.*"nonsense"/,
  ],
  ['a worker without tasks', ['worker'], /'--tasks <path...>' not specified \(or KAJE_TASKS\)/],
  ['tasks that are not there', ['worker', '--tasks', 'nope/'], /--tasks nope\/: no such file/],
  [
    'queues that cannot be read',
    ['worker', '--tasks', FIXTURES, '--queues', 'mail:many'],
    /Expected --queues to read like default,mail:5, got "mail:many"/,
  ],
  [
    'a queue with no room for a task',
    ['worker', '--tasks', FIXTURES, '--queues', 'default,mail:0'],
    /like default,mail:5, got "mail:0": the number .* a whole number from 1 to 10000\n/,
  ],
  ['a time without its zone', ['send', 'a', '--eta', '2026-11-22T10:00'], /time with its zone/],
  ['headers that are no object', ['send', 'a', '--headers', '1'], /Expected a JSON object/],
  [
    'a question that no worker knows',
    ['inspect', 'activ'],
    /'activ' is invalid .* Allowed choices are active, reserved, /,
  ],
  [
    'bounds in the wrong order',
    ['worker', '--tasks', FIXTURES, '--autoscale', '3,10'],
    /--autoscale \(KAJE_AUTOSCALE\) to be most and least, such as 10,3,.*got "3,10"/,
  ],
  ['a flag out of range', ['api', '--port', '99999'], /--port \(KAJE_PORT\).*"99999"/],
  ['a variable out of range', ['api'], /--port \(KAJE_PORT\).*"web"/, { KAJE_PORT: 'web' }],
  [
    'a secret whose file is missing',
    ['api'],
    /KAJE_REDIS_URL_FILE to name a file that can be read, got "\/nope"/,
    { KAJE_REDIS_URL_FILE: '/nope' },
  ],
  [
    'a secret that is given both ways',
    ['api'],
    /Expected KAJE_PREFIX or KAJE_PREFIX_FILE, got both/,
    { KAJE_PREFIX: 'a', KAJE_PREFIX_FILE: FIXTURES },
  ],
];

describe('the command line', () => {
  for (const name of COMMANDS) {
    it(`explains ${name} by --help`, async () => {
      const { output, ended } = runKaje([name, '--help']);
      expect(await ended).to.equal(0);
      expect(output()).to.match(new RegExp(`^Usage: kaje ${name} `));
    });
  }

  for (const [title, args, line, env] of MISUSES) {
    it(`exits with 2 and one line for ${title}`, async () => {
      const { output, ended } = runKaje(args, env);
      expect(await ended).to.equal(2);
      expect(output())
        .to.match(line)
        .and.match(/^(kaje|error): [^\n]+\n(\(Did you mean [^\n]+\n)?$/);
    });
  }

  it('exits with 2 and names both places for twins in name', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kaje-twins-'));
    defer(() => rm(dir, { recursive: true }));
    const index = new URL('../../client/index.ts', import.meta.url).href;
    const code = `import { defineTask } from '${index}';
      export const task = defineTask('twin', { run: () => 1 });`;
    await writeFile(join(dir, 'one.ts'), code);
    await writeFile(join(dir, 'two.ts'), code);
    const { output, ended } = runKaje(['worker', '--tasks', dir]);
    expect(await ended).to.equal(2);
    expect(output()).to.match(/^kaje: Two tasks are named "twin": in \S*one\.ts and \S*two\.ts\n$/);
  });

  it('exits with 1 and one line when nobody answers', async () => {
    const port = await closedPort();
    const commands = [
      ['queues', '--url', `http://127.0.0.1:${port}`],
      ['send', 'add', '--redis-url', `redis://127.0.0.1:${port}`],
    ];
    for (const args of commands) {
      const { output, ended } = runKaje(args);
      expect(await ended).to.equal(1);
      expect(output()).to.match(/^kaje: Unavailable: .*cannot be reached.*ECONNREFUSED[^\n]*\n$/);
    }
  });

  it('tells its version', async () => {
    const { output, ended } = runKaje(['--version']);
    expect(await ended).to.equal(0);
    expect(output()).to.match(/^\d+\.\d+\.\d+\n$/);
  });
});
