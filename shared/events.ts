/**
 * The story of a task as events, told from its record alone: nothing is stored for it, and any
 * process can go on where another left off. An id says how far the story is: start, stage, report.
 */
import type { AsyncResultBody } from './protocol.ts';
import { NOT_ENDED, type TaskRecord } from './results.ts';
import { isFinal } from './states.ts';

export interface TaskEvent {
  /** Grows with the story; what a client sends back as Last-Event-ID. */
  readonly id: string;
  readonly type: 'state' | 'progress';
  readonly result: AsyncResultBody;
}

type Position = readonly [start: number, stage: number, report: number];

const WAITING = 0;
const STARTED = 1;
const REPORTED = 2;
const PUT_BACK = 3;
const ENDED = 4;

/**
 * What has happened since the event `lastId`; without one, how the task stands now.
 * A start that was too short to be seen is told from the record of the end.
 */
export function eventsSince(record: TaskRecord, lastId: string | undefined): TaskEvent[] {
  const here = positionOf(record);
  const last = lastId === undefined ? undefined : parsePosition(lastId);
  if (!last) return [eventAt(here, record.result)];
  if (!isAfter(here, last)) return [];
  const start: Position = [record.starts, STARTED, 0];
  const wasMissed = isAfter(start, last) && isAfter(here, start);
  const missed = wasMissed ? [eventAt(start, asStarted(record.result))] : [];
  return [...missed, eventAt(here, record.result)];
}

function positionOf({ result, starts, reports }: TaskRecord): Position {
  if (isFinal(result.state)) return [starts, ENDED, 0];
  if (reports > 0) return [starts, REPORTED, reports];
  if (result.state === 'STARTED') return [starts, STARTED, 0];
  return starts === 0 ? [0, WAITING, 0] : [starts, PUT_BACK, 0];
}

function eventAt(position: Position, result: AsyncResultBody): TaskEvent {
  const type = position[1] === REPORTED ? 'progress' : 'state';
  return { id: position.join('-'), type, result };
}

function asStarted(result: AsyncResultBody): AsyncResultBody {
  return { ...result, ...NOT_ENDED, state: 'STARTED' };
}

function parsePosition(id: string): Position | undefined {
  const match = /^(\d{1,9})-(\d)-(\d{1,9})$/.exec(id);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

function isAfter(a: Position, b: Position): boolean {
  const i = a.findIndex((value, at) => value !== b[at]);
  return i >= 0 && (a[i] ?? 0) > (b[i] ?? 0);
}
