/** A worker of which a service does not start. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { expect } from 'chai';
import { DefinitionError } from '../../shared/errors.ts';
import { defineTask, type Task } from '../../shared/task.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { failureOf } from '../support/pool.ts';
import { testConfig } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

const plain = defineTask('plain', { run: () => 1 });
const inThread = defineTask('in_thread', { runIn: 'thread', run: () => 1 });

async function listening() {
  const server = createServer().listen(0, '127.0.0.1');
  defer(() => server.close());
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function freePort(): Promise<number> {
  const { server, port } = await listening();
  server.close();
  await once(server, 'close');
  return port;
}

const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP'));

/** Why it does not start, and that it leaves no connection and no port. */
async function failedStart(healthPort: number, task: Task): Promise<unknown> {
  const config = testConfig({ healthPort });
  const before = sockets().length;
  const failure = await failureOf(startTestWorker(config, [task]));
  // Fewer, where those of an earlier test close meanwhile.
  await eventually(() => expect(sockets()).to.have.length.at.most(before));
  return failure;
}

describe('a worker that cannot start', () => {
  it('says why its port cannot be had, and leaves no connection behind', async () => {
    const { port } = await listening();
    expect(await failedStart(port, plain)).to.have.property('code', 'EADDRINUSE');
  });

  it('closes what it had started before', async () => {
    const port = await freePort();
    expect(await failedStart(port, inThread)).to.be.instanceOf(DefinitionError);
    const probe = connect(port, '127.0.0.1');
    const [error] = await once(probe, 'error');
    expect(error).to.have.property('code', 'ECONNREFUSED');
  });
});
