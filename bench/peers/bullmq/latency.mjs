// Adds the task `clock`, and learns of its result by the event "completed" or by waitUntilFinished.
import { Queue, QueueEvents } from 'bullmq';
import { answer, load } from '../../load/loops.mjs';

const connection = { url: process.env.BENCH_REDIS_URL };
const data = JSON.parse(process.env.BENCH_PAYLOAD);
const queue = new Queue('bench', { connection });
// From the beginning: by default it hears what comes after its first read, which is some time later.
const events = new QueueEvents('bench', { connection, lastEventId: '0' });
await events.waitUntilReady();

/** Who waits for a task, or its result where that was faster than the answer to `add`. */
const waiting = new Map();
const ended = new Map();
const once = process.env.BENCH_BY === 'events' ? byEvent : byWaiting;

if (once === byEvent) {
  events.on('completed', ({ jobId, returnvalue }) => {
    const resolve = waiting.get(jobId);
    if (!resolve) return ended.set(jobId, returnvalue);
    waiting.delete(jobId);
    resolve(returnvalue);
  });
}

async function byEvent() {
  const { id } = await queue.add('clock', data);
  if (!ended.has(id)) return new Promise((resolve) => waiting.set(id, resolve));
  const result = ended.get(id);
  ended.delete(id);
  return result;
}

async function byWaiting() {
  const job = await queue.add('clock', data);
  return job.waitUntilFinished(events);
}

await answer(await load(once));
await queue.close();
await events.close();
process.exit(0);
