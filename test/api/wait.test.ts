import { getEventListeners, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { leaving } from '../../api/wait.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { openRaw } from '../support/raw.ts';

/** A request that is not answered yet. */
async function startRequest() {
  const server = createServer().listen(0, '127.0.0.1');
  defer(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const head = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
  const asked = once(server, 'request');
  const { socket } = await openRaw(`http://127.0.0.1:${port}`, head);
  const [, res] = (await asked) as [unknown, ServerResponse];
  const stopping = new AbortController();
  const listeners = () => [
    getEventListeners(stopping.signal, 'abort').length,
    res.listeners('close').length,
  ];
  const before = listeners();
  let left = 0;
  const wait = () => leaving(res, stopping.signal)(() => left++);
  return { res, socket, stopping, wait, listeners, before, left: () => left };
}

describe('who waits for an answer', () => {
  it('leaves when the client goes', async () => {
    const { socket, wait, left } = await startRequest();
    wait();
    socket.destroy();
    await eventually(() => left() === 1);
  });

  it('leaves at once where the client has gone before', async () => {
    const { res, socket, wait, left } = await startRequest();
    socket.destroy();
    await eventually(() => res.closed);
    wait();
    await eventually(() => left() === 1, 1000);
  });

  it('leaves when the process stops', async () => {
    const { stopping, wait, left } = await startRequest();
    wait();
    stopping.abort();
    await eventually(() => left() === 1);
  });

  it('leaves nothing behind once it stays: the process lives for long, and connections are used again', async () => {
    const { socket, stopping, wait, listeners, before, left } = await startRequest();
    const stay = wait();
    expect(listeners()).not.to.deep.equal(before);
    stay();
    expect(listeners()).to.deep.equal(before);
    stopping.abort();
    socket.destroy();
    await new Promise(setImmediate);
    expect(left()).to.equal(0);
  });
});
