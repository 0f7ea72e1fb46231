/** In the parent: what a task in a child tells and asks, done with its context here. */
import type { SendOptions } from '../../shared/sendOptions.ts';
import type { TaskContext, TaskLog } from '../../shared/task.ts';
import type { AnswerMessage, Call, CallMessage, LogMessage, PackedField } from './messages.ts';
import { pack, unpack } from './thrown.ts';

/** Does what a task asked; a task whose run is over gets an error. */
export async function answerTo(
  { call, what }: CallMessage,
  ctx: TaskContext | undefined,
): Promise<AnswerMessage> {
  try {
    if (!ctx) throw new Error('The run that asked for this has ended');
    return { kind: 'answer', call, value: await done(what, ctx) };
  } catch (error) {
    return { kind: 'answer', call, error: pack(error) };
  }
}

function done(what: Call, ctx: TaskContext): Promise<unknown> {
  switch (what.method) {
    case 'progress':
      return ctx.progress(parsed(what.meta));
    case 'updateState':
      return ctx.updateState(what.state, parsed(what.meta));
    case 'send':
      return ctx.send(what.name, Object(parsed(what.input) ?? {}), optionsIn(what.options));
  }
}

/** The child has checked that they are options; all that is wrong with them is said by who sends. */
function optionsIn(json: string | undefined): SendOptions | undefined {
  return parsed(json) as SendOptions | undefined;
}

/** Writes a line of a task's log. */
export function writeLine({ level, message, fields }: LogMessage, log: TaskLog): void {
  log[level](message, Object.fromEntries(fields.map(unpackField)));
}

function unpackField([name, value]: PackedField): [string, unknown] {
  return [name, typeof value === 'object' ? unpack(value) : parsed(value)];
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}
