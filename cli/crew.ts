/**
 * The worker processes of a supervisor: started, replaced, ended. The first is started alone, so
 * that what keeps all of them from starting is said once.
 */
import type { Log } from '../shared/log.ts';
import { afterEnd, type End, inWords } from './processes.ts';
import { startWorkerProcess, type WorkerProcess } from './workerProcess.ts';

/** A place in the crew, which processes take one after another. */
interface Place {
  readonly name: string | undefined;
  process?: WorkerProcess | undefined;
  restart?: NodeJS.Timeout | undefined;
  failures: number;
}

export interface CrewOptions {
  /** One for each process; undefined: it makes its own. */
  readonly names: readonly (string | undefined)[];
  readonly log: Log;
  /** Arguments of the command line for the process of this name. */
  argsFor(name: string | undefined): readonly string[];
  /** All take tasks for the first time; `message` is what one of them tells whoever started it. */
  onReady(message: object): void;
  /** None is left and none will come: the highest of their exit codes. */
  onOver(code: number): void;
}

export interface Crew {
  start(): void;
  /** Why not all of them can take tasks now; undefined when they can. */
  unreadiness(): string | undefined;
  /** Lets each end in order, once. */
  stop(): void;
  /** Running tasks go back at once. */
  hurry(): void;
}

export function createCrew({ names, log, argsFor, onReady, onOver }: CrewOptions): Crew {
  const places = new Set<Place>(names.map((name) => ({ name, failures: 0 })));
  let hasServed = false;
  let isComplete = false;
  let isStopping = false;
  let worst = 0;

  const launch = (place: Place): void => {
    place.restart = undefined;
    place.process = startWorkerProcess({
      args: argsFor(place.name),
      onReady: ready,
      onEnd: (end, error) => ended(place, end, error),
    });
  };
  const ready = (message: object): void => {
    const isFirst = !hasServed;
    hasServed = true;
    if (isFirst && !isStopping) for (const place of [...places].slice(1)) launch(place);
    if (isComplete || ![...places].every((place) => place.process?.isReady())) return;
    isComplete = true;
    onReady(message);
  };
  const ended = (place: Place, end: End, error: Error | undefined): void => {
    const next = afterEnd(end, { isStopping, hasServed, failures: place.failures });
    const said = {
      worker: place.name,
      process: place.process?.pid,
      ended: inWords(end),
      ...(error && { err: error }),
    };
    place.process = undefined;
    if (next.kind === 'replace') {
      const again = { ...said, again_in_s: next.afterMs / 1000 };
      log.warn(again, 'a worker process ended by itself and is replaced');
      place.failures = next.failures;
      place.restart = setTimeout(launch, next.afterMs, place);
      return;
    }
    if (next.kind === 'giveUp') log.error(said, 'no worker process could be started');
    worst = Math.max(worst, next.code);
    places.delete(place);
    overWithTheLast();
  };
  const overWithTheLast = (): void => {
    if (![...places].some((place) => place.process || place.restart)) onOver(worst);
  };
  return {
    start() {
      const [first] = places;
      if (first && !isStopping) launch(first);
    },
    unreadiness: () => [...places].map(problemOf).find((problem) => problem !== undefined),
    stop() {
      isStopping = true;
      for (const place of places) {
        clearTimeout(place.restart);
        place.restart = undefined;
        place.process?.stop();
      }
      overWithTheLast();
    },
    hurry() {
      for (const place of places) place.process?.hurry();
    },
  };
}

function problemOf({ name, process: running }: Place): string | undefined {
  if (!running) return `${name ?? 'a process'}: starting`;
  const reason = running.unreadiness();
  return reason && `${name ?? `process ${running.pid}`}: ${reason}`;
}
