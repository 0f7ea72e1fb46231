import type { Posting } from '../harness/posting.ts';
import type { Scenario } from '../harness/scenario.ts';
import { isKaje } from '../peers/kaje/index.ts';
import { koaEcho } from './echo.ts';
import { HTTP_COLUMNS, kajeApi, SINGLE } from './httpSend.ts';

const TASKS = 1000;
const one = SINGLE.body;

const MANY: Posting = {
  path: '/v1/send_tasks',
  body: `{"tasks":[${Array.from({ length: TASKS }, () => one).join(',')}]}`,
  connections: 8,
  tasks: TASKS,
};

export const httpSendMany: Scenario = {
  name: 'httpSendMany',
  title: `Send tasks over HTTP, ${TASKS.toLocaleString('en-US')} a request`,
  about:
    `POST ${MANY.path} on ${MANY.connections} keep-alive connections, beside single sends on ` +
    `${SINGLE.connections}. Tasks count when they are answered 202, stored. No worker runs.`,
  columns: HTTP_COLUMNS,
  better: 'more',
  contestants: (bench) => [
    ...bench.peers.filter(isKaje).map((kaje) => kajeApi(bench, kaje, MANY)),
    ...bench.peers.filter(isKaje).map((kaje) => {
      const single = kajeApi(bench, kaje, SINGLE);
      return { ...single, name: `${single.name}, one a request`, peer: `${single.peer}-single` };
    }),
    koaEcho(bench, MANY),
  ],
};
