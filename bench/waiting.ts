/**
 * How soon waiting clients are answered: `node --import tsx bench/waiting.ts [clients]`.
 * API and worker are processes of their own; each client waits for one task by `?wait=30`, and the
 * tasks end one after the other over five seconds. Prints the time from a task's end to its answer.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { findOrMakeRedis } from '../cli/localRedis.ts';

const CLIENTS = Number(process.argv[2] ?? 500);
const SPREAD_S = 5;

const redis = await findOrMakeRedis({ home: '.kaje', persistent: false, log: console.log });
const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const tasks = fileURLToPath(new URL('../tasks', import.meta.url));
const env = { ...process.env, KAJE_REDIS_URL: redis.url, KAJE_PORT: '0', KAJE_LOG_LEVEL: 'warn' };
const api = fork(main, ['api'], { env });
const worker = fork(main, ['worker', '--tasks', tasks], { env });
const [[ready]] = await Promise.all([once(api, 'message'), once(worker, 'message')]);
const url = new URL(ready.url);
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

interface Task {
  readonly task_id: string;
  readonly state: string;
  readonly date_done: string;
}

function call(method: string, path: string, body?: unknown): Promise<Task> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const options = { host: url.hostname, port: url.port, method, path, agent, headers };
    const sent = request(options, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const sent = await Promise.all(
  Array.from({ length: CLIENTS }, (_, i) =>
    call('POST', '/v1/send_task', {
      name: 'add',
      args: [i, 1],
      countdown: 2 + (SPREAD_S * i) / CLIENTS,
    }),
  ),
);
const waiting = sent.map(async ({ task_id }) => {
  const task = await call('GET', `/v1/tasks/${task_id}?wait=30`);
  if (task.state !== 'SUCCESS') throw new Error(`${task_id} is ${task.state}`);
  return Date.now() - Date.parse(task.date_done);
});
const look = new Redis(redis.url);
await new Promise((resolve) => setTimeout(resolve, 1500));
const list = String(await look.client('LIST')).split('\n');
const connections = list.filter((line) => line.includes(' addr=')).length;
const delays = (await Promise.all(waiting)).sort((a, b) => a - b);
const at = (share: number) => delays[Math.floor((delays.length - 1) * share)];
console.log(`${CLIENTS} clients, ${connections - 1} connections to Redis in all (API and worker)`);
console.log(`answered after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`);
look.disconnect();
agent.destroy();
for (const child of [api, worker]) {
  child.kill('SIGTERM');
  await once(child, 'exit');
}
await redis.stop();
