import { Command, InvalidArgumentError } from 'commander';
import type { AsyncResultBody, TaskFilter } from '../../client/index.ts';
import { STATES } from '../../shared/states.ts';
import { didYouMean } from '../../shared/suggest.ts';
import { countFlag, listFlag, timeFlag, withClient, withTarget } from '../options.ts';
import {
  ago,
  colour,
  coloured,
  createJsonList,
  createTable,
  print,
  readerGone,
} from '../output.ts';

interface TasksFlags {
  state?: string[];
  name?: string;
  queue?: string;
  tag?: string;
  since?: Date;
  until?: Date;
  limit: number;
  json?: boolean;
}

/** The most that one call takes. */
const PAGE_MAX = 200;

export function tasksCommand(): Command {
  const command = new Command('tasks')
    .description('list tasks, newest first')
    .option('--state <states>', 'only these, such as FAILURE,RETRY', listFlag)
    .option('--name <name>', 'only tasks of this name')
    .option('--queue <name>', 'only tasks of this queue')
    .option('--tag <tag>', 'only tasks with this tag')
    .option('--since <time>', 'sent since then: 90s, 15m, 2h, 7d ago, or a time', pastFlag)
    .option('--until <time>', 'sent before then, in the same words', pastFlag)
    .option('--limit <count>', 'show at most so many, 0 for all', countFlag, 50);
  return withTarget(command).action(listTasks);
}

async function listTasks(flags: TasksFlags, command: Command): Promise<void> {
  const { limit, json } = flags;
  const printer = json ? createJsonList('tasks') : createTaskTable(flags);
  const gone = readerGone();
  await withClient(command, async (kaje) => {
    let room = limit > 0 ? limit : Number.POSITIVE_INFINITY;
    // There may be millions: what is printed is not kept.
    for await (const tasks of inPages(kaje.tasks(filterOf(flags)), pageSizeOf(flags))) {
      printer.add(tasks.slice(0, room));
      room -= tasks.length;
      if (room < 0 || gone.aborted) break;
    }
    printer.end(room < 0);
  });
}

/** As many at a time as one call brings, so that each page is printed before the next is read. */
async function* inPages<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let page: T[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < size) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function filterOf(flags: TasksFlags): TaskFilter {
  const { state, name, queue, tag, since, until } = flags;
  const states = state?.map((each) => each.toUpperCase());
  const pageSize = pageSizeOf(flags);
  const all = { state: states, name, queue, tag, since, until, pageSize };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** One more than is shown tells whether there are more. */
function pageSizeOf({ limit }: TasksFlags): number {
  return limit === 0 ? PAGE_MAX : Math.min(PAGE_MAX, limit + 1);
}

function createTaskTable({ state, limit }: TasksFlags) {
  const show = createTable(['id', 'name', 'state', 'queue', 'sent', 'runtime', 'worker']);
  let isEmpty = true;
  return {
    add(tasks: readonly AsyncResultBody[]): void {
      show(tasks.map(cellsOf));
      isEmpty = false;
    },
    end(areThereMore: boolean): void {
      if (isEmpty) print(`No such task${hintOn(state)}`);
      if (areThereMore) print(colour('dim', `the newest ${limit}; for more: --limit`));
    },
  };
}

function cellsOf(task: AsyncResultBody): string[] {
  const { task_id: id, name, state, queue, sent_at: sentAt, worker } = task;
  return [id, name, coloured(state), queue, `${ago(sentAt)} ago`, runtimeOf(task), worker ?? ''];
}

/** How long it has run so far, how long it took, or when it is due. */
function runtimeOf({ runtime, ready, started_at: started, eta }: AsyncResultBody): string {
  if (runtime !== null) return `${runtime} s`;
  if (ready) return '';
  if (started !== null) return `${ago(started)} so far`;
  const wait = eta === null ? 0 : Date.parse(eta) - Date.now();
  return wait > 0 ? `due in ${ago(new Date().toISOString(), Date.now() + wait)}` : '';
}

/** A mistyped state may be the name of a task's own. */
function hintOn(states: readonly string[] = []): string {
  const known: readonly string[] = STATES;
  const odd = states.map((state) => state.toUpperCase()).filter((state) => !known.includes(state));
  return odd.map((state) => didYouMean(state, STATES)).join('');
}

const UNITS = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 } as const;

/** `15m`: so long ago; else a time. */
function pastFlag(text: string): Date {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(s|m|min|h|d)$/.exec(text) ?? [];
  if (unit !== undefined) {
    return new Date(Date.now() - Number(count) * UNITS[unit as keyof typeof UNITS] * 1000);
  }
  if (/^\d{4}-/.test(text)) return timeFlag(text);
  throw new InvalidArgumentError(
    'Expected 90s, 15m, 2h or 7d, or a time such as 2026-11-22T10:00Z.',
  );
}
