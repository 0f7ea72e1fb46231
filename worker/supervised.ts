/** A worker process and its supervisor, where several are run as one: what they tell each other over IPC. */
import type { Supervisor } from '../shared/signals.ts';
import { LONGEST_TIMER_MS } from './every.ts';
import { endWithParent } from './guard.ts';
import { type Envelope, opened } from './pools/messages.ts';

export type FromWorker =
  /** It takes tasks, or why it cannot now. */
  | { readonly kind: 'beat'; readonly unreadiness: string | null }
  /** It stops, because somebody has told it to. */
  | { readonly kind: 'leaving' };

/** What still runs goes back to its queue at once. */
export interface ToWorker {
  readonly kind: 'hurry';
}

/** Milliseconds between two beats. */
const BEAT_MS = 1000;

export interface SupervisorLink extends Supervisor {
  leaving(): void;
  /** Tells from now on whether the worker can take tasks; undefined = it can. */
  report(unreadiness: () => string | undefined): void;
}

/** Milliseconds behind the grace after which a worker without a supervisor hangs in a task's endless loop. */
const HANGS_MS = 10_000;

/** The supervisor of this process, which was started by one and ends with it. */
export function connectSupervisor(graceMs: number): SupervisorLink {
  endWithParent(Math.min(graceMs + HANGS_MS, LONGEST_TIMER_MS));
  return {
    onHurry(hurry) {
      process.on('message', (envelope) => {
        if (opened<ToWorker>(envelope)?.kind === 'hurry') hurry();
      });
    },
    leaving: () => tell({ kind: 'leaving' }),
    report(unreadiness) {
      const beat = () => tell({ kind: 'beat', unreadiness: unreadiness() ?? null });
      beat();
      setInterval(beat, BEAT_MS).unref();
    },
  };
}

function tell(message: FromWorker): void {
  const envelope: Envelope<FromWorker> = { kaje: message };
  // One that is gone is noticed by the end of the connection.
  if (process.connected) process.send?.(envelope, undefined, undefined, () => undefined);
}
