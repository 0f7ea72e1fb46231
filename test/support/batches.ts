/** Many tasks at once over the API. */
import { fileURLToPath } from 'node:url';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import type { Answer, TestApi } from './api.ts';
import { eventually } from './eventually.ts';

/** Task modules for tests of limits, crashes and loads. */
export const LIFE = fileURLToPath(new URL('../fixtures/life.ts', import.meta.url));

const CHUNK = 1000;

/** Sends all of them, 1,000 a request; their ids in order. */
export async function sendAll(api: TestApi, tasks: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < tasks.length; i += CHUNK) {
    const answer = await api.post('/v1/send_tasks', { tasks: tasks.slice(i, i + CHUNK) });
    if (answer.status !== 202) throw new Error(answer.text);
    ids.push(...answer.body.tasks.map((task: { task_id: string }) => task.task_id));
  }
  return ids;
}

export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Records in the order of the ids. */
export async function recordsOf(api: TestApi, ids: readonly string[]): Promise<AsyncResultBody[]> {
  const all: AsyncResultBody[] = [];
  for (let i = 0; i < ids.length; i += CHUNK) {
    const { body }: Answer = await api.post('/v1/results', { task_ids: ids.slice(i, i + CHUNK) });
    all.push(...body.results);
  }
  return all;
}

/** Records, as soon as all have ended. */
export function endOf(
  api: TestApi,
  ids: readonly string[],
  withinMs: number,
): Promise<AsyncResultBody[]> {
  return eventually(async () => {
    const records = await recordsOf(api, ids);
    return records.every(({ ready }) => ready) && records;
  }, withinMs);
}

/** How often each state is among the records. */
export function countStates(records: readonly AsyncResultBody[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of records) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
