/** `ctx.log` inside a child: lines go to the parent, as many as it can take. */
import { isError } from '../../shared/errorText.ts';
import type { TaskLog } from '../../shared/task.ts';
import { withErrors } from '../outcome.ts';
import type { LogLevel, LogMessage, PackedField } from './messages.ts';
import { pack } from './thrown.ts';

type Line = Pick<LogMessage, 'level' | 'message' | 'fields'>;

/** A task that only computes can write faster than its parent reads, into the parent's memory. */
const LINES_MAX = 5000;
const WINDOW_MS = 1000;

export interface ChildLog {
  readonly log: TaskLog;
  /** Says how many lines were left out, if any were. */
  end(): void;
}

/**
 * The log of one run.
 * @param now milliseconds, injected so that tests can aim
 */
export function createChildLog(
  write: (line: Line) => void,
  now = () => performance.now(),
): ChildLog {
  let windowStart = now();
  let lines = 0;

  const renew = (): void => {
    const lost = lines - LINES_MAX;
    windowStart = now();
    lines = 0;
    if (lost <= 0) return;
    const message = `${lost} log lines were left out: at most ${LINES_MAX} a second are kept`;
    write({ level: 'warn', message, fields: [] });
  };
  const writer =
    (level: LogLevel) =>
    (message: string, fields: object = {}) => {
      if (now() - windowStart >= WINDOW_MS) renew();
      if (++lines > LINES_MAX) return;
      write({ level, message: String(message), fields: Object.entries(fields).map(packField) });
    };
  const log = {
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
  };
  return { log, end: renew };
}

function packField([name, value]: [string, unknown]): PackedField {
  if (isError(value)) return [name, pack(value)];
  try {
    return [name, JSON.stringify(value, withErrors)];
  } catch {
    return [name, JSON.stringify(String(value))];
  }
}
