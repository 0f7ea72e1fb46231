/** The context of a task inside a child: its data is a copy, what it tells and asks goes to the parent. */
import { toJson } from '../../shared/noJson.ts';
import { requestOf } from '../../shared/sendOptions.ts';
import type { TaskContext } from '../../shared/task.ts';
import { RetryRequest } from '../../shared/taskErrors.ts';
import type { Calls } from './calls.ts';
import { createChildLog } from './childLog.ts';
import type { Call, FromChild, RunMessage } from './messages.ts';
import { type Packed, unpack } from './thrown.ts';

export interface ChildContext {
  readonly ctx: TaskContext;
  abort(reason: Packed): void;
  /** The run has ended: what the task still reports is nobody's concern. */
  end(): void;
}

export function createChildContext(
  { run, data, aborted }: RunMessage,
  calls: Calls,
  send: (message: FromChild) => void,
): ChildContext {
  const controller = new AbortController();
  const abort = (reason: Packed) => controller.abort(unpack(reason));
  if (aborted) abort(aborted);
  const reports = createReports((what) => calls.ask(run, what));
  const report = async (what: Report, meta: unknown): Promise<void> =>
    reports.report({ ...what, meta: toJson(meta) });
  const { log, end: endLog } = createChildLog((line) => send({ kind: 'log', run, ...line }));
  const ctx: TaskContext = {
    ...data,
    signal: controller.signal,
    log,
    progress: (meta) => watched(report({ method: 'progress' }, meta)),
    updateState: (state, meta) => watched(report({ method: 'updateState', state }, meta)),
    retry(options) {
      throw new RetryRequest(options);
    },
    async send(name, input, options) {
      // Checked here: as JSON a Map would be lost on the way, and a moment of dayjs cannot be cloned.
      requestOf(name, input, options);
      const texts = { input: JSON.stringify(input), options: JSON.stringify(options) };
      return String(await calls.ask(run, { method: 'send', name, ...texts }));
    },
  };
  const end = () => {
    endLog();
    reports.end();
  };
  return { ctx, abort, end };
}

type Report = { method: 'progress' } | { method: 'updateState'; state: string };

/** A refusal that nobody waits for is no reason to end the child. */
function watched(report: Promise<void>): Promise<void> {
  report.catch(() => undefined);
  return report;
}

/** Of reports that nobody waits for, at most one in so many milliseconds is sent: the last counts. */
const REPORT_EVERY_MS = 50;

interface Held {
  readonly what: Call;
  resolve(done: Promise<void> | undefined): void;
}

function createReports(ask: (what: Call) => Promise<unknown>) {
  let held: Held | undefined;
  let unanswered = 0;
  let sentAt = 0;
  let hasEnded = false;

  const hold = (next: Held | undefined): void => {
    held?.resolve(undefined);
    held = next;
  };
  const tell = async (what: Call): Promise<void> => {
    hold(undefined);
    sentAt = performance.now();
    unanswered++;
    try {
      await ask(what);
    } finally {
      unanswered--;
      const next = held;
      held = undefined;
      next?.resolve(tell(next.what));
    }
  };
  return {
    report(what: Call): Promise<void> {
      if (hasEnded) return Promise.resolve();
      const isTooFast = unanswered > 0 && performance.now() - sentAt < REPORT_EVERY_MS;
      return isTooFast ? new Promise((resolve) => hold({ what, resolve })) : tell(what);
    },
    end(): void {
      hasEnded = true;
      hold(undefined);
    },
  };
}
