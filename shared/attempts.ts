/** The runs of a task that failed, from what its record keeps of them. */
import { errorOf, tracebacksOf } from './failures.ts';
import type { JobHash } from './jobHash.ts';
import type { AttemptBody } from './schemas.ts';

/**
 * The errors, oldest first, with the numbers of their runs as far as they can be known: an
 * operator's retry begins at 1 again, and only the last errors are kept.
 * @param isSuccess whether the last run succeeded
 */
export function attemptsOf(
  hash: Pick<JobHash, 'stacktrace' | 'failedReason' | 'atm'>,
  isSuccess: boolean,
): AttemptBody[] {
  const all = tracebacksOf(hash);
  // Other BullMQ programs may keep the message only.
  if (all.length === 0 && hash.failedReason !== null) all.push('');
  const tracebacks = all.filter((traceback) => !isOfNoRun(traceback));
  const wasFiled = isOfNoRun(all.at(-1) ?? '');
  const failed = Number(hash.atm ?? 0) - (isSuccess || wasFiled ? 1 : 0);
  const lastMessage = wasFiled ? null : hash.failedReason;
  return tracebacks.map((traceback, i) => {
    const behind = tracebacks.length - 1 - i;
    const message = (behind === 0 ? lastMessage : null) ?? messageIn(traceback);
    // Of the runs before an operator's retry, which has set the count back.
    const attempt = failed - behind > 0 ? failed - behind : i + 1;
    return { attempt, error: errorOf(traceback, message) };
  });
}

/** It was revoked, or expired, while it waited. */
function isOfNoRun(traceback: string): boolean {
  return /^UnrecoverableError: (TaskRevokedError|TaskExpired): /.test(traceback);
}

/** Tracebacks begin `Type: message`, which may have several lines; then come the frames. */
function messageIn(traceback: string): string {
  return /^[\w$.]+: (.*?)(?:\n {4}at |\nCaused by |$)/s.exec(traceback)?.[1] ?? traceback;
}
