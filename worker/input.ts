/** What a task gets: its arguments, bound and checked. */
import { bind } from '../shared/binding.ts';
import type { FieldError } from '../shared/errors.ts';
import { specOf } from '../shared/registry.ts';
import type { Task, TaskContext } from '../shared/task.ts';
import { PermanentError } from './outcome.ts';

/**
 * Binds the arguments and checks them by the task's own schema, with its defaults and transforms.
 * The sender has checked by JSON Schema already; this also holds for other senders and newer code.
 * @throws PermanentError when the task's schema refuses them
 */
export async function inputOf(
  task: Task,
  { args, kwargs }: Pick<TaskContext, 'args' | 'kwargs'>,
): Promise<unknown> {
  const bound = bind(bindingOf(task), args, { ...kwargs });
  if (!bound.ok) throw refused(bound.errors);
  return parsed(task, bound.input);
}

const specs = new WeakMap<Task, ReturnType<typeof specOf>>();

/** JSON Schema is made once for a task, not for each run. */
function bindingOf(task: Task) {
  const known = specs.get(task);
  if (known) return known;
  const spec = specOf(task);
  specs.set(task, spec);
  return spec;
}

async function parsed(task: Task, input: Record<string, unknown>): Promise<unknown> {
  if (!task.schema) return input;
  const result = await task.schema['~standard'].validate(input);
  if (!result.issues) return result.value;
  throw refused(
    result.issues.map(({ path = [], message }) => ({
      path: path.map((part) => `/${String(typeof part === 'object' ? part.key : part)}`).join(''),
      message,
    })),
  );
}

function refused(errors: readonly FieldError[]): PermanentError {
  const fields = errors.map(({ path, message }) => `${path || '/'}: ${message}`);
  return new PermanentError('ValidationError', fields.join('; '));
}
