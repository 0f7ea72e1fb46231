/** All scenarios, in the order in which they run. */
import type { Scenario } from '../harness/scenario.ts';
import { backlog } from './backlog.ts';
import { drainScenario } from './drain.ts';
import { httpSend } from './httpSend.ts';
import { httpSendMany } from './httpSendMany.ts';
import { latency } from './latency.ts';
import { listTasks } from './listTasks.ts';
import { memory } from './memory.ts';
import { retries } from './retries.ts';
import { sendBulk } from './sendBulk.ts';
import { sendOne } from './sendOne.ts';
import { statusRead } from './statusRead.ts';
import { waiting } from './waiting.ts';

export const SCENARIOS: readonly Scenario[] = [
  drainScenario,
  sendOne,
  sendBulk,
  httpSend,
  httpSendMany,
  latency,
  backlog,
  retries,
  statusRead,
  listTasks,
  waiting,
  memory,
];
