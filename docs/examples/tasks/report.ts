import { defineTask } from 'kaje';
import { z } from 'zod';

export const fetchReport = defineTask('fetch_report', {
  input: z.object({ url: z.url(), to: z.email() }),
  retry: { max: 5, delay: 2 }, // for what it throws; ctx.retry has its own count below
  timeLimit: 60,
  softTimeLimit: 50,
  async run({ url, to }, ctx) {
    const response = await fetch(url, { signal: ctx.signal }); // aborted at the soft limit
    if (response.status === 202) throw ctx.retry({ countdown: 0.5, maxRetries: 100 }); // not yet
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const report = await response.text();
    // An id of its own, so that another run of this task does not send a second mail.
    const mail = await ctx.send('send_mail', { to }, { taskId: `${ctx.id}.mail` });
    return { letters: report.length, mail };
  },
});
