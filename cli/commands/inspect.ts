import { Argument, Command } from 'commander';
import type { InspectCommand, Inspection } from '../../client/index.ts';
import { INSPECT_COMMANDS } from '../../shared/schemas/cluster.ts';
import { FAILED } from '../exitCodes.ts';
import { listFlag, secondsFlag, withClient, withTarget } from '../options.ts';
import { colour, print, printJson, table } from '../output.ts';

interface InspectFlags {
  worker?: string[];
  timeout: number;
  json?: boolean;
}

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('ask workers about themselves; exit code 1 when one does not answer')
    .addArgument(new Argument('<command>', 'what to ask').choices(INSPECT_COMMANDS))
    .option('--worker <names>', 'only these, such as w1,w2 (default: all alive)', listFlag)
    .option('--timeout <seconds>', 'how long to wait for answers, at most 30', secondsFlag, 1);
  return withTarget(command).action(inspect);
}

async function inspect(
  name: InspectCommand,
  { worker, timeout, json }: InspectFlags,
  command: Command,
): Promise<void> {
  const asked = { timeout, ...(worker ? { workers: worker } : {}) };
  const inspection = await withClient(command, (kaje) => kaje.inspect(name, asked));
  const { workers, missing } = inspection;
  if (json) printJson(inspection);
  else show(inspection, timeout);
  if (missing.length > 0 || Object.keys(workers).length === 0) process.exitCode = FAILED;
}

function show({ workers, missing }: Inspection, timeout: number): void {
  const answers = Object.entries<unknown>(workers);
  if (answers.length + missing.length === 0) print('No worker is alive');
  // Lists of all workers are one table; what each tells of itself stands below its name.
  const lists = answers.filter(([, answer]) => Array.isArray(answer));
  if (lists.length > 0) showRows(lists.flatMap(([worker, list]) => rowsOf(worker, list)));
  for (const [worker, answer] of answers) {
    if (!Array.isArray(answer)) showAnswer(worker, answer);
  }
  for (const worker of missing) {
    print(`${worker}  ${colour('red', `no answer within ${timeout} s`)}`);
  }
}

type Row = Readonly<Record<string, unknown>>;

function rowsOf(worker: string, list: unknown): Row[] {
  const items: unknown[] = Array.isArray(list) ? list : [];
  // `registered` has its options one level down.
  return items.map((item) => {
    if (typeof item !== 'object' || item === null) return { worker, id: item };
    const { options = {}, ...own } = { ...item } as { options?: object };
    return { worker, ...own, ...options };
  });
}

function showRows(rows: readonly Row[]): void {
  if (rows.length === 0) {
    print('none');
    return;
  }
  // A column in which nothing stands says nothing.
  const names = Object.keys(Object.assign({}, ...rows));
  const columns = names.filter((name) => rows.some((row) => isTelling(row[name])));
  table(
    columns.map((name) => name.replaceAll('_', ' ')),
    rows.map((row) => columns.map((name) => cellOf(row[name]))),
  );
}

function isTelling(value: unknown): boolean {
  return value !== null && value !== undefined && JSON.stringify(value) !== '[]';
}

function cellOf(value: unknown): string | number {
  if (typeof value === 'number') return value;
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function showAnswer(worker: string, answer: unknown): void {
  if (typeof answer !== 'object' || answer === null) {
    print(`${worker}  ${answer}`);
    return;
  }
  print(colour('bold', worker));
  const fields = Object.entries(answer);
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    const [first = 'none', ...more] = Array.isArray(value) ? value.map(inWords) : [inWords(value)];
    print(`  ${name.replaceAll('_', ' ').padEnd(width)}  ${first}`);
    for (const line of more) print(`  ${' '.repeat(width)}  ${line}`);
  }
}

/** `{ user: 1.5, system: 0.2 }` -> `user 1.5, system 0.2` */
function inWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value ?? 'none');
  const fields = Object.entries(value).filter(([, inner]) => inner !== null);
  if (fields.length === 0) return 'none';
  const inner = (part: unknown) => (typeof part === 'object' ? `(${inWords(part)})` : String(part));
  return fields.map(([name, part]) => `${name.replaceAll('_', ' ')} ${inner(part)}`).join(', ');
}
