import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Kaje, TaskFailedError } from 'kaje';
import type * as primes from './tasks/primes.ts';
import type * as report from './tasks/report.ts';

// Stands for a service that needs a while to make a report.
let asked = 0;
const service = createServer((_request, response) => {
  response.statusCode = ++asked < 3 ? 202 : 200;
  response.end('Everything is fine.');
}).listen(0, '127.0.0.1');
await once(service, 'listening');
const { port } = service.address() as AddressInfo;

const kaje = new Kaje<typeof report & typeof primes>({
  url: process.env.KAJE_URL ?? 'http://127.0.0.1:8000',
});
const url = `http://127.0.0.1:${port}`;
const fetched = await kaje.sendTask('fetch_report', { url, to: 'ada@example.com' });
const { letters, mail } = await fetched.get({ timeout: 30 });
console.log(`${letters} letters after ${await fetched.retries} retries`);
console.log(await kaje.asyncResult(mail).get({ timeout: 30 }));

const counted = await kaje.sendTask('count_primes', { below: 1_000_000 }, { priority: 9 });
console.log(await counted.get({ timeout: 30 })); // 78498

const never = await kaje.sendTask('count_primes', { below: 100 }, { countdown: 3600 });
await never.revoke();
const outcome = await never.get({ propagate: false });
if (outcome instanceof TaskFailedError) console.log(outcome.type); // TaskRevokedError
await kaje.close();
service.close();
