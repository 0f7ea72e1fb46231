import { PAYLOAD } from '../harness/peer.ts';
import { type Posting, postTo } from '../harness/posting.ts';
import type { Bench, Contestant, Scenario } from '../harness/scenario.ts';
import { isKaje, type KajePeer } from '../peers/kaje/index.ts';
import { koaEcho } from './echo.ts';

export const SINGLE: Posting = {
  path: '/v1/send_task',
  body: `{"name":"noop","kwargs":${PAYLOAD}}`,
  connections: 64,
  tasks: 1,
};

export const HTTP_COLUMNS: Scenario['columns'] = [
  { key: 'rate', label: 'tasks/s' },
  { key: 'serverCpu', label: 'server CPU, us/request' },
  { key: 'redisCpu', label: 'Redis CPU, us/request' },
  { key: 'cpu', label: 'generator CPU, us/request' },
];

export const httpSend: Scenario = {
  name: 'httpSend',
  title: 'Send tasks over HTTP, one a request',
  about:
    `POST ${SINGLE.path} on ${SINGLE.connections} keep-alive connections, each with one request ` +
    'at a time, from one process beside. A task counts when it is answered 202, stored. No ' +
    'worker runs. CPU is that of the API, of Redis and of the load generator.',
  columns: HTTP_COLUMNS,
  better: 'more',
  contestants: (bench) => [
    ...bench.peers.filter(isKaje).map((kaje) => kajeApi(bench, kaje, SINGLE)),
    koaEcho(bench, SINGLE),
  ],
};

export function kajeApi(bench: Bench, kaje: KajePeer, posting: Posting): Contestant {
  return {
    name: kaje.title,
    peer: kaje.name,
    settings: 'one API process, defaults: a log line per request (into a file)',
    async run() {
      const { env } = await kaje.open(bench);
      return postTo(bench, kaje.cli('api', '--port', '0'), { env, posting });
    },
  };
}
