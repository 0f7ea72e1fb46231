import { Command, InvalidArgumentError } from 'commander';
import type { AsyncResultBody, TaskFilter } from '../../client/index.ts';
import { STATES } from '../../shared/states.ts';
import { didYouMean } from '../../shared/suggest.ts';
import { countFlag, listFlag, timeFlag, withClient, withTarget } from '../options.ts';
import { ago, colour, coloured, print, printJson, table } from '../output.ts';

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
  const tasks: AsyncResultBody[] = [];
  const isFull = () => limit > 0 && tasks.length > limit;
  await withClient(command, async (kaje) => {
    for await (const task of kaje.tasks(filterOf(flags))) {
      tasks.push(task);
      if (isFull()) break;
    }
  });
  const shown = isFull() ? tasks.slice(0, limit) : tasks;
  if (json) return printJson({ tasks: shown });
  if (shown.length === 0) return print(`No such task${hintOn(flags.state)}`);
  show(shown);
  if (isFull()) print(colour('dim', `the newest ${limit}; for more: --limit`));
}

function filterOf({ state, limit, json: _, ...rest }: TasksFlags): TaskFilter {
  const states = state?.map((each) => each.toUpperCase());
  // One more than is shown tells whether there are more.
  const pageSize = limit === 0 ? PAGE_MAX : Math.min(PAGE_MAX, limit + 1);
  return { ...rest, ...(states ? { state: states } : {}), pageSize };
}

function show(tasks: readonly AsyncResultBody[]): void {
  table(
    ['id', 'name', 'state', 'queue', 'sent', 'runtime', 'worker'],
    tasks.map((task) => [
      task.task_id,
      task.name,
      coloured(task.state),
      task.queue,
      `${ago(task.sent_at)} ago`,
      runtimeOf(task),
      task.worker ?? '',
    ]),
  );
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
