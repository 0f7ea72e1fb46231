import { Kaje, TaskFailedError } from 'kaje';
import type * as tasks from './tasks/mail.ts';

const kaje = new Kaje<typeof tasks>({
  redis: process.env.KAJE_REDIS_URL ?? 'redis://127.0.0.1:6379',
});

const result = await kaje.sendTask('send_mail', { to: 'ada@example.com' }, { tags: ['welcome'] });
for await (const { state } of result.events()) console.log(state);

const many = await kaje.sendTasks([
  { name: 'send_mail', input: { to: 'ada@example.com' } },
  { name: 'send_mail', input: { to: 'grace@example.com' }, options: { countdown: 0.1 } },
]);
for (const { id } of many) {
  const outcome = await kaje.asyncResult(id).get({ propagate: false });
  console.log(outcome instanceof TaskFailedError ? outcome.traceback : outcome);
}
await kaje.close();
