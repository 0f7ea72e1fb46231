import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Kaje } from '../../client/index.ts';
import { reasonOf } from '../../shared/errorText.ts';
import { withClient, withTarget } from '../options.ts';
import { colour, print, printJson } from '../output.ts';
import { openScreen, type Screen } from '../screen.ts';
import { frameOf, type Line } from '../topFrame.ts';
import type { Sample } from '../topSample.ts';

interface TopFlags {
  once?: boolean;
  json?: boolean;
}

export function topCommand(): Command {
  const command = new Command('top')
    .description('watch queues, workers and running tasks, until q or Ctrl-C')
    .option('--once', 'print one picture and end, as without a terminal');
  return withTarget(command).action(top);
}

const EVERY_MS = 1000;
/** Seconds: a worker that does not answer must not hold up the picture. */
const TIMEOUT = 0.5;

async function top({ once, json }: TopFlags, command: Command): Promise<void> {
  const isLive = !once && !json && process.stdout.isTTY === true;
  await withClient(command, (kaje) => (isLive ? watch(kaje) : printOnce(kaje, json)));
}

async function look(kaje: Kaje): Promise<Sample> {
  const asked = { timeout: TIMEOUT };
  const [queues, stats, active] = await Promise.all([
    kaje.queues(),
    kaje.inspect('stats', asked),
    kaje.inspect('active', asked),
  ]);
  return { at: Date.now(), queues, stats, active };
}

/** Rates need two looks. */
async function printOnce(kaje: Kaje, json: boolean | undefined): Promise<void> {
  const before = await look(kaje);
  if (json) return printJson(before);
  await sleep(EVERY_MS);
  const size = { columns: process.stdout.columns || 200, rows: Number.POSITIVE_INFINITY };
  for (const line of frameOf(await look(kaje), before, size)) print(styled(line));
}

async function watch(kaje: Kaje): Promise<void> {
  // What cannot be reached at all is told as by any other command.
  let latest = await look(kaje);
  let before: Sample | undefined;
  let fault: string | undefined;
  const leaving = new AbortController();
  const left = new Promise<void>((resolve) => {
    leaving.signal.addEventListener('abort', () => resolve());
  });
  const draw = () => drawOn(screen, { latest, before, fault });
  const screen = openScreen({ quit: () => leaving.abort(), resized: () => draw() });
  const lookAgain = async (): Promise<void> => {
    try {
      const sample = await look(kaje);
      [before, latest, fault] = [latest, sample, undefined];
    } catch (error) {
      fault = reasonOf(error);
    }
  };
  const keepDrawing = async (): Promise<void> => {
    while (!leaving.signal.aborted) {
      draw();
      await sleep(EVERY_MS, undefined, { signal: leaving.signal }).catch(() => undefined);
      if (!leaving.signal.aborted) await lookAgain();
    }
  };
  try {
    // Whoever leaves does not wait for a look that is under way. Once for all: each race would keep
    // something with `left`, and this may run for weeks.
    await Promise.race([keepDrawing(), left]);
  } finally {
    screen.close();
  }
}

interface Picture {
  readonly latest: Sample;
  readonly before: Sample | undefined;
  readonly fault: string | undefined;
}

function drawOn(screen: Screen, { latest, before, fault }: Picture): void {
  const { columns, rows } = screen.size();
  const faults: Line[] =
    fault === undefined ? [] : [{ text: fault.slice(0, columns), style: 'red' }];
  const frame = frameOf(latest, before, { columns, rows: rows - faults.length });
  screen.draw([...faults, ...frame].map(styled));
}

function styled({ text, style }: Line): string {
  return style && text !== '' ? colour(style, text) : text;
}
