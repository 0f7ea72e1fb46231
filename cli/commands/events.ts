import type { styleText } from 'node:util';
import { Command } from 'commander';
import type { ClusterEvent, EventType } from '../../client/index.ts';
import { listFlag, withClient, withTarget } from '../options.ts';
import { clockTime, colour, print, readerGone } from '../output.ts';

export function eventsCommand(): Command {
  const command = new Command('events')
    .description('follow what happens to tasks and workers, until Ctrl-C')
    .option('--type <types>', 'only these, such as task-failed,worker-offline', listFlag);
  return withTarget(command).action(followEvents);
}

async function followEvents(
  { type, json }: { type?: EventType[]; json?: boolean },
  command: Command,
): Promise<void> {
  await withClient(command, async (kaje) => {
    const following = { signal: readerGone(), ...(type ? { types: type } : {}) };
    for await (const event of kaje.events(following)) {
      print(json ? JSON.stringify(event) : eventLine(event));
    }
  });
}

const COLOURS: Readonly<Record<EventType, Parameters<typeof styleText>[0]>> = {
  'task-sent': 'dim',
  'task-received': 'dim',
  'task-started': 'cyan',
  'task-retried': 'yellow',
  'task-succeeded': 'green',
  'task-failed': 'red',
  'task-revoked': 'yellow',
  'worker-online': 'green',
  'worker-offline': 'red',
};

const TYPE_WIDTH = Math.max(...Object.keys(COLOURS).map((type) => type.length));

/** One event for people: when, what, which, how. */
export function eventLine(event: ClusterEvent): string {
  const type = colour(COLOURS[event.type], event.type.padEnd(TYPE_WIDTH));
  const subject = 'task_id' in event ? `${event.name} ${event.task_id}` : event.worker;
  return [clockTime(event.timestamp), type, subject, ...detailsOf(event)].join(' ');
}

function detailsOf(event: ClusterEvent): string[] {
  switch (event.type) {
    case 'task-sent':
      return [`to ${event.queue}`, ...(event.eta ? [`due ${event.eta}`] : [])];
    case 'task-received':
    case 'task-started':
      return [`on ${event.worker}`, ...(event.retries > 0 ? [`retry ${event.retries}`] : [])];
    case 'task-retried':
      return [`retry ${event.retries} due ${event.eta}`, inWords(event.error)];
    case 'task-succeeded':
      return [`in ${event.runtime} s`];
    case 'task-failed':
    case 'task-revoked':
      return [
        ...(event.runtime === undefined ? [] : [`in ${event.runtime} s`]),
        inWords(event.error),
      ];
    default:
      return [];
  }
}

const MESSAGE_MAX = 200;

/** On one line, whatever a task has thrown. */
function inWords({ type, message }: { type: string; message: string }): string {
  const line = message.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return `${type}: ${line.length > MESSAGE_MAX ? `${line.slice(0, MESSAGE_MAX)}…` : line}`;
}
