/**
 * The keeper's thread: looks at the main loop, and has its hands (hands.ts) do something when that stands still,
 * or its connection does. Until then it has neither connection nor logger: to load them would cost each worker
 * a quarter of a second of CPU at its start, and a loop that has just fallen silent leaves 5 s for it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { readPulse } from '../pulse.ts';
import type { createHands } from './hands.ts';
import type { KeeperData } from './keeper.ts';
import { createJudge } from './silence.ts';

const LOOK_MS = 500;
/** Milliseconds for which a loop has stood still when it looks as if it would go on: half of what a keeper waits for. */
const SUSPECT_MS = 1000;

const data: KeeperData = workerData;
const judge = createJudge(data.config.stallLimit * 1000, LOOK_MS);
let queues: readonly string[] = [];
let hands: Promise<ReturnType<typeof createHands>> | undefined;

parentPort?.on('message', (consumed: readonly string[]) => {
  queues = consumed;
});
setInterval(look, LOOK_MS);

async function look(): Promise<void> {
  const judgement = judge(readPulse(data.cells), performance.now());
  const isSuspect = judgement.silentMs >= SUSPECT_MS || judgement.action === 'keep';
  if (isSuspect) hands ??= import('./hands.ts').then((module) => module.createHands(data));
  (await hands)?.(judgement, queues);
}
