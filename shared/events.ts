/**
 * The story of a task as events, told from its record and its log alone: nothing is stored for it,
 * and any process can go on where another left off. An id says how far the story is: start, stage,
 * report, and behind them, where there are some, the lines of its log.
 */
import { NOT_ENDED, type TaskRecord } from './results.ts';
import type { AsyncResultBody, TaskLogLine, TaskLogsBody } from './schemas.ts';
import { isFinal } from './states.ts';

export interface StateEvent {
  /** Grows with the story; what a client sends back as Last-Event-ID. */
  readonly id: string;
  readonly type: 'state' | 'progress';
  readonly result: AsyncResultBody;
}

export interface LogEvent {
  readonly id: string;
  readonly type: 'log';
  readonly line: TaskLogLine;
}

export type TaskEvent = StateEvent | LogEvent;

type Position = readonly [start: number, stage: number, report: number];

interface Told {
  readonly position: Position;
  /** Number of the last line of the log. */
  readonly lines: number;
}

const WAITING = 0;
const STARTED = 1;
const REPORTED = 2;
const PUT_BACK = 3;
const ENDED = 4;

/**
 * What has happened since the event `lastId`, new lines of the log included; without one, how the
 * task stands now and what it has written so far.
 * @param readLines reads the lines behind a number; asked only when the record tells of new ones
 */
export async function storySince(
  record: TaskRecord,
  lastId: string | undefined,
  readLines: (after: number) => Promise<TaskLogsBody>,
): Promise<TaskEvent[]> {
  const states = eventsSince(record, lastId);
  const told = toldBy(lastId);
  if (record.logs <= (told?.lines ?? 0)) return states;
  const { logs } = await readLines(told?.lines ?? 0);
  // The last event is the one of the end: what was written comes before it.
  const before = isFinal(record.result.state) ? states.slice(0, -1) : states;
  const position = positionIn(before.at(-1)?.id) ?? told?.position ?? [record.starts, STARTED, 0];
  const written = logs.map((line): LogEvent => {
    return { id: idOf({ position, lines: line.number }), type: 'log', line };
  });
  const lines = logs.at(-1)?.number ?? told?.lines ?? 0;
  const after = states.slice(before.length).map((event) => {
    return { ...event, id: idOf({ position: positionIn(event.id) ?? position, lines }) };
  });
  return [...before, ...written, ...after];
}

/** The changes of state and progress alone; a start that was too short to be seen is told as well. */
export function eventsSince(record: TaskRecord, lastId: string | undefined): StateEvent[] {
  const here = positionOf(record);
  const last = toldBy(lastId);
  const eventAt = (position: Position, result: AsyncResultBody): StateEvent => {
    const type = position[1] === REPORTED ? 'progress' : 'state';
    return { id: idOf({ position, lines: last?.lines ?? 0 }), type, result };
  };
  if (!last) return [eventAt(here, record.result)];
  if (!isAfter(here, last.position)) return [];
  const start: Position = [record.starts, STARTED, 0];
  // One that was revoked before its first start has none.
  const hasStarted = record.starts > 0;
  const wasMissed = hasStarted && isAfter(start, last.position) && isAfter(here, start);
  const missed = wasMissed ? [eventAt(start, asStarted(record.result))] : [];
  return [...missed, eventAt(here, record.result)];
}

function positionOf({ result, starts, reports }: TaskRecord): Position {
  if (isFinal(result.state)) return [starts, ENDED, 0];
  if (reports > 0) return [starts, REPORTED, reports];
  if (result.state === 'STARTED') return [starts, STARTED, 0];
  return starts === 0 ? [0, WAITING, 0] : [starts, PUT_BACK, 0];
}

function asStarted(result: AsyncResultBody): AsyncResultBody {
  return { ...result, ...NOT_ENDED, state: 'STARTED' };
}

function idOf({ position, lines }: Told): string {
  return [...position, ...(lines > 0 ? [lines] : [])].join('-');
}

/** What the client that sends this id was told; undefined for an id that is none of ours. */
function toldBy(id: string | undefined): Told | undefined {
  const match = /^(\d{1,9})-(\d)-(\d{1,9})(?:-(\d{1,9}))?$/.exec(id ?? '');
  if (!match) return undefined;
  const [start = 0, stage = 0, report = 0, lines = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  return { position: [start, stage, report], lines };
}

function positionIn(id: string | undefined): Position | undefined {
  return toldBy(id)?.position;
}

function isAfter(a: Position, b: Position): boolean {
  const i = a.findIndex((value, at) => value !== b[at]);
  return i >= 0 && (a[i] ?? 0) > (b[i] ?? 0);
}
