/** A server that is no Kaje, or one at the end of a bad line: it answers as the test says. */
import { createServer, type ServerResponse } from 'node:http';
import { defer } from '../support/defer.ts';

export type Answer = (response: ServerResponse) => unknown;

/** Gives each request the next of the answers, and the last one to all that follow. */
export async function answering(...answers: readonly Answer[]) {
  let asked = 0;
  const server = createServer((_, response) =>
    answers[Math.min(asked++, answers.length - 1)]?.(response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : '';
  return { url: `http://127.0.0.1:${port}`, asked: () => asked };
}

const JSON_TYPE = { 'content-type': 'application/json' };

export const json =
  (body: object): Answer =>
  (response) =>
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(body));

/** What proxies say for themselves. */
export const page =
  (status: number): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>');

/** One event of a task, and then the line is cut. */
export const event =
  (id: string, task: object): Answer =>
  (response) => {
    const text = `id: ${id}\nevent: state\ndata: ${JSON.stringify(task)}\n\n`;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(text, () => response.destroy());
  };

/** Begins to answer, and says no more. */
export const stuck: Answer = (response) => response.writeHead(200, JSON_TYPE).write('{"task_id":');

/** Begins to answer, and then the line is cut. */
export const cut: Answer = (response) => {
  response.writeHead(200, { ...JSON_TYPE, 'content-length': 1000 });
  response.write('{"task_id":', () => response.destroy());
};
