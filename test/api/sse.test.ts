import { getEventListeners, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { PassThrough } from 'node:stream';
import { expect } from 'chai';
import Koa from 'koa';
import { endWithClient, openStream } from '../../api/sse.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { interceptIntervals } from '../support/intervals.ts';
import { openRaw } from '../support/raw.ts';

const MEGABYTE = 'x'.repeat(1024 * 1024);
/** Beyond what the sockets of a system hold. */
const TOO_MUCH = 40;

/** A stream with one reader; `ping` does what is else done every 15 seconds. */
async function startStream() {
  const pings = interceptIntervals(15_000);
  let stream: PassThrough | undefined;
  let close: () => void = () => undefined;
  let stops = 0;
  const stopping = new AbortController();
  const app = new Koa();
  app.on('error', () => undefined);
  app.use((ctx) => {
    stream = openStream(ctx);
    close = endWithClient(ctx, stopping.signal, { stream, stop: () => void stops++ });
  });
  const server = app.listen(0, '127.0.0.1');
  defer(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const reader = await openRaw(`http://127.0.0.1:${port}`, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await eventually(() => reader.received().includes('retry: 1000'));
  if (!stream) throw new Error('no stream was opened');
  const ping = () => {
    for (const each of pings) each();
  };
  return { stream, reader, ping, pings, close, stopping, stops: () => stops };
}

describe('the ping of a stream', () => {
  it('spares a reader that keeps up when it meets a burst', async () => {
    const { stream, reader, ping } = await startStream();
    ping();
    await eventually(() => reader.received().includes(': ping'));
    for (let i = 0; i < 4; i++) stream.write(MEGABYTE);
    expect(stream.writableNeedDrain).to.equal(true);
    ping();
    await eventually(() => reader.received().length > 4 * MEGABYTE.length);
    ping();
    await eventually(() => reader.received().match(/: ping/g)?.length === 2);
  });

  it('spares a slow reader that has caught up since, and is behind once more', async () => {
    const { stream, reader, ping } = await startStream();
    const fallBehind = () => {
      reader.socket.pause();
      for (let i = 0; i < TOO_MUCH; i++) stream.write(MEGABYTE);
    };
    fallBehind();
    ping();
    reader.socket.resume();
    await eventually(() => !stream.writableNeedDrain);
    fallBehind();
    ping();
    expect(stream.writableNeedDrain).to.equal(true);
    reader.socket.resume();
    await eventually(() => stream.destroyed || !stream.writableNeedDrain);
    expect(stream.destroyed).to.equal(false);
  });

  it('cuts a reader that has taken nothing since the ping before', async () => {
    const { stream, reader, ping } = await startStream();
    reader.socket.pause();
    for (let i = 0; i < TOO_MUCH; i++) stream.write(MEGABYTE);
    ping();
    expect(stream.destroyed).to.equal(false);
    ping();
    await eventually(() => stream.destroyed);
    reader.socket.resume();
    expect((await reader.closed).length).to.be.below(TOO_MUCH * MEGABYTE.length);
  });
});

describe('a stream', () => {
  const ends = {
    'its client leaves': ({ reader }: Started) => void reader.socket.destroy(),
    'the process stops': ({ stopping }: Started) => stopping.abort(),
    'all is told': ({ close }: Started) => close(),
  };
  for (const [when, end] of Object.entries(ends)) {
    it(`stops what feeds it when ${when}, and leaves nothing behind`, async () => {
      const started = await startStream();
      const { stream, pings, stopping, stops } = started;
      expect([stops(), pings.length]).to.deep.equal([0, 1]);
      end(started);
      await eventually(() => stops() > 0 && stream.writableEnded);
      expect([stops(), pings.length]).to.deep.equal([1, 0]);
      expect(getEventListeners(stopping.signal, 'abort')).to.have.length(0);
    });
  }
});

type Started = Awaited<ReturnType<typeof startStream>>;
