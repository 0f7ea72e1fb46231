import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { echo } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone } from '../support/stack.ts';
import { runKaje } from '../support/worker.ts';

const PAGE = 200;
const ALL = 450;

/** What stands before the API and holds every page but the first until it is let through. */
async function startGate(api: TestApi) {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const server = createServer(async (request, response) => {
    if (request.url?.includes('cursor=')) await opened;
    const answer = await fetch(api.url + request.url);
    response.setHeader('content-type', 'application/json');
    response.end(await answer.text());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, open };
}

async function startFull() {
  const { api } = await startApiAlone([echo]);
  const tasks = Array.from({ length: ALL }, (_, i) => ({ name: 'echo', task_id: `t${i}` }));
  await api.post('/v1/send_tasks', { tasks });
  return { gate: await startGate(api) };
}

describe('`kaje tasks --limit 0`', () => {
  it('prints each page as it comes, under one head', async () => {
    const { gate } = await startFull();
    const { output, ended } = runKaje(['tasks', '--limit', '0', '--url', gate.url]);
    await eventually(() => output().split('\n').length === 1 + PAGE + 1);
    gate.open();
    expect(await ended).to.equal(0);
    const lines = output().trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('ID '))).to.have.length(1);
    const ids = lines.slice(1).map((line) => line.split(' ')[0]);
    expect(new Set(ids).size).to.equal(ALL);
  });

  it('prints JSON task by task, the same as it would be in one piece', async () => {
    const { gate } = await startFull();
    const run = runKaje(['tasks', '--limit', '0', '--json', '--url', gate.url]);
    await eventually(() => run.output().match(/"task_id"/g)?.length === PAGE);
    gate.open();
    expect(await run.ended).to.equal(0);
    const whole = JSON.parse(run.output());
    expect(whole.tasks).to.have.length(ALL);
    expect(`${JSON.stringify(whole, null, 2)}\n`).to.equal(run.output());
  });

  it('reads no further than it needs to know that there are more', async () => {
    const { gate } = await startFull();
    const { output, ended } = runKaje(['tasks', '--limit', '150', '--url', gate.url]);
    // The gate is closed: a second page would never come.
    expect(await ended).to.equal(0);
    expect(output().trimEnd().split('\n')).to.have.length(1 + 150 + 1);
    expect(output()).to.match(/the newest 150; for more: --limit\n$/);
  });

  it('prints an empty list as JSON', async () => {
    const { api } = await startApiAlone([]);
    const { output, ended } = runKaje(['tasks', '--json', '--url', api.url]);
    expect(await ended).to.equal(0);
    expect(output()).to.equal('{\n  "tasks": []\n}\n');
  });
});
