import { Command } from 'commander';
import type { AsyncResult, TaskLogLine } from '../../client/index.ts';
import { withClient, withTarget } from '../options.ts';
import { clockTime, colour, coloured, plain, print, printJson, readerGone } from '../output.ts';

interface LogsFlags {
  follow?: boolean;
  json?: boolean;
}

export function logsCommand(): Command {
  const command = new Command('logs')
    .description('show what a task has written by ctx.log; the last 1,000 lines are kept')
    .argument('<id>', 'id of the task')
    .option('-f, --follow', 'go on with each line to come until the task has ended');
  return withTarget(command).action(showLogs);
}

async function showLogs(id: string, flags: LogsFlags, command: Command): Promise<void> {
  await withClient(command, async (kaje) => {
    const result = kaje.asyncResult(id);
    if (flags.follow) await follow(result, flags);
    else await showAll(result, flags);
  });
}

async function showAll(result: AsyncResult, { json }: LogsFlags): Promise<void> {
  const logs = await result.logs();
  if (json) return printJson({ logs });
  if (logs.length === 0) return print(`${result.id} has written nothing by ctx.log`);
  const write = createWriter();
  for (const line of logs) write(line);
}

async function follow(result: AsyncResult, { json }: LogsFlags): Promise<void> {
  const signal = readerGone();
  const write = json ? (line: TaskLogLine) => print(JSON.stringify(line)) : createWriter();
  for await (const line of result.followLogs({ signal })) write(line);
  if (json || signal.aborted) return;
  const { state, runtime } = await result.info;
  print(`${coloured(state)}${runtime === null ? '' : colour('dim', ` in ${runtime} s`)}`);
}

/** Prints lines for people; says where earlier ones are missing and where another run begins. */
function createWriter(): (line: TaskLogLine) => void {
  let attempt = 1;
  let last = 0;
  return (line) => {
    const missing = line.number - last - 1;
    if (missing > 0) print(colour('dim', `… ${missing} lines are kept no more`));
    if (line.attempt !== attempt) print(colour('dim', `attempt ${line.attempt}`));
    attempt = line.attempt;
    last = line.number;
    print(logText(line));
  };
}

const COLOURS = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

/** One line: when, how grave, what, and the fields as key=value. */
export function logText({ at, level, message, fields }: TaskLogLine): string {
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${colour('dim', `${indented(key)}=`)}${shown(value)}`,
  );
  const grade = colour(COLOURS[level], level.toUpperCase().padEnd(5));
  return [colour('dim', clockTime(at)), grade, indented(message), ...pairs].join(' ');
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=\p{Cc}]+$/u.test(value)
    ? value
    : plain(JSON.stringify(value));
}

/** More lines than one stand below each other. */
function indented(text: string): string {
  return plain(text.trimEnd()).replaceAll('\n', '\n    ');
}
