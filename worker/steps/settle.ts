import type { Run, Step } from '../context.ts';
import { describeError, PermanentError } from '../outcome.ts';

/** Makes an outcome of what the task returned or threw; a result that is no JSON is a failure. */
export const settle: Step = async function settle(run, next) {
  try {
    await next();
    run.outcome = { kind: 'success', value: storable(run) };
  } catch (thrown) {
    run.thrown = thrown;
    run.outcome = { kind: 'failure', error: describeError(thrown) };
  }
};

/** The value to store. Checked here: BullMQ would run the task again over a result that it cannot store. */
function storable({ task, message, value, resultMaxBytes }: Run): unknown {
  if (message.body.ignore_result ?? task.options.ignoreResult) return null;
  if (value === undefined) return null;
  const bytes = Buffer.byteLength(serialized(value));
  if (bytes <= resultMaxBytes) return value;
  const expected = `Expected a result of at most ${resultMaxBytes} bytes of JSON, got ${bytes}`;
  throw new PermanentError(
    'SerializationError',
    `${expected}: store it elsewhere and return where`,
  );
}

function serialized(value: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
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
