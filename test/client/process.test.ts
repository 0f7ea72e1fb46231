/** What a program sees that uses the client: real processes. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { closedPort, overBothTransports } from './connect.ts';

/** Built: from the sources each start would take a second more. */
const INDEX = new URL('../../dist-test/client/index.js', import.meta.url).href;
/** Far above what a run takes, far below any timeout that could keep a process alive. */
const EXIT_MS = 25_000;

describe('a program that uses the client', () => {
  overBothTransports((connect) => {
    it('ends by itself after close(), and another process reads its result', async () => {
      const { kaje, options } = await connect();
      const id = await run(
        options,
        `const result = await kaje.sendTask('add', { a: 20, b: 22 });
         console.log(result.id);`,
      );
      expect(await kaje.asyncResult(id).get({ timeout: 10 })).to.equal(42);
    });

    it('ends by itself after it has left a loop over events and given up waits', async () => {
      const { options } = await connect();
      const said = await run(
        options,
        `const result = await kaje.sendTask('add', { a: 1, b: 1 }, { countdown: 60 });
         for await (const { state } of result.events()) { console.log(state); break; }
         await result.get({ timeout: 0.1 }).catch((error) => console.log(error.name));
         await result.get({ signal: AbortSignal.timeout(100) })
           .catch((error) => console.log(error.name));`,
      );
      expect(said.split('\n')).to.deep.equal(['PENDING', 'ResultTimeoutError', 'TimeoutError']);
    });
  });

  overBothTransports((connect, transport) => {
    it(`ends by itself after close() over ${transport}, with loops over events and a wait under way`, async () => {
      const { options } = await connect();
      const said = await run(
        options,
        `const result = await kaje.sendTask('add', { a: 1, b: 1 }, { countdown: 60 });
       let isClosing = false;
       const waiting = result.get().then(() => console.log('got'), () => console.log('gave up'));
       const loop = (async () => {
         for await (const { state } of result.events()) {
           console.log(state);
           if (isClosing) continue;
           isClosing = true;
           setTimeout(() => kaje.close(), 50);
         }
         console.log('ended');
       })();
       const cluster = (async () => {
         for await (const _ of kaje.events());
         console.log('over');
       })();
       await Promise.all([loop, waiting, cluster]);`,
      );
      expect(said.split('\n').sort()).to.deep.equal(['PENDING', 'ended', 'gave up', 'over']);
    });
  });

  it('ends by itself after close() when Redis was never there', async () => {
    const redis = `redis://127.0.0.1:${await closedPort()}`;
    const code = 'await kaje.queues().catch((error) => console.log(error.code));';
    expect(await run({ redis }, code)).to.equal('BROKER_UNAVAILABLE');
  });

  const LOADED = `
    const { createRequire } = await import('node:module');
    await kaje.queues().catch(() => undefined);
    const packages = Object.keys(createRequire('/').cache).map(
      (path) => /node_modules\\/([^/]+)/.exec(path.replaceAll('\\\\', '/'))?.[1],
    );
    console.log(['bullmq', 'ioredis'].filter((name) => packages.includes(name)).join());`;

  it('loads what speaks to Redis only when it is given a Redis', async () => {
    const port = await closedPort();
    expect(await run({ url: `http://127.0.0.1:${port}` }, LOADED)).to.equal('');
    expect(await run({ redis: `redis://127.0.0.1:${port}` }, LOADED)).to.equal('bullmq,ioredis');
  });
});

/** Runs code with a `kaje` in a process of its own that must end by itself; what it printed. */
async function run(options: object, code: string): Promise<string> {
  const program = `
    import { Kaje } from ${JSON.stringify(INDEX)};
    const kaje = new Kaje(${JSON.stringify(options)});
    ${code}
    await kaje.close();`;
  const args = ['--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: EXIT_MS });
  return stdout.trim();
}
