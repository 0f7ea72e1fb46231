import { isError, reasonOf } from '../../shared/errorText.ts';
import { toJson } from '../../shared/noJson.ts';
import { TaskRevokedError } from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';
import { describeError, PermanentError, unreadable } from '../outcome.ts';

/**
 * Makes an outcome of what the task returned or threw; a result that is no JSON is a failure.
 * A run that was revoked and returns all the same has done its work: its result counts.
 */
export const settle: Step = async function settle(run, next) {
  try {
    await next();
    run.outcome = { kind: 'success', json: storable(run) };
  } catch (thrown) {
    run.thrown = causeOf(run, thrown);
    const kind = run.isRevoked ? 'revoked' : 'failure';
    const error = run.isRevoked ? new TaskRevokedError() : run.thrown;
    run.outcome = { kind, error: describeError(error) };
  }
};

/** What Node throws when a signal is aborted says nothing; why it was aborted does. */
function causeOf({ abort }: Run, thrown: unknown): unknown {
  try {
    const isAbort = isError(thrown) && thrown.name === 'AbortError';
    return isAbort && abort.aborted ? abort.reason : thrown;
  } catch (why) {
    // The steps above ask it for its class again, and must not stumble over it.
    return unreadable(why);
  }
}

const NOTHING = 'null';

/** The JSON to store, written here and nowhere again. */
function storable({ task, message, value, resultMaxBytes }: Run): string {
  if (message.body.ignore_result ?? task.options.ignoreResult) return NOTHING;
  if (value === undefined) return NOTHING;
  const json = serialized(value);
  const bytes = Buffer.byteLength(json);
  if (bytes <= resultMaxBytes) return json;
  const expected = `Expected a result of at most ${resultMaxBytes} bytes of JSON, got ${bytes}`;
  throw new PermanentError(
    'SerializationError',
    `${expected}: store it elsewhere and return where`,
  );
}

function serialized(value: unknown): string {
  let json: string | undefined;
  try {
    json = toJson(value);
  } catch (error) {
    const reason = reasonOf(error).split('\n')[0];
    throw new PermanentError(
      'SerializationError',
      `The result cannot be written as JSON: ${reason}`,
    );
  }
  if (json !== undefined) return json;
  throw new PermanentError(
    'SerializationError',
    `The result is a ${typeof value}, which JSON cannot hold`,
  );
}
