import { Kaje } from 'kaje';
import type * as tasks from './tasks/mail.ts';

const kaje = new Kaje<typeof tasks>({ url: process.env.KAJE_URL ?? 'http://127.0.0.1:8000' });
const result = await kaje.sendTask('send_mail', { to: 'ada@example.com' });
console.log(await result.get({ timeout: 30 })); // { sent: 'ada@example.com', subject: 'Hello' }
await kaje.close();
