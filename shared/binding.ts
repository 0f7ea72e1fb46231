/** Binds positional and named arguments to a task's input, as Python binds a call. */
import type { FieldError } from './errors.ts';
import type { TaskSpec } from './registry.ts';

export type Input = Record<string, unknown>;

export type Bound =
  | { readonly ok: true; readonly input: Input; readonly positional: readonly string[] }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/**
 * Binds `args` to the properties of the task's schema in their order, then adds `kwargs`.
 * A task without a schema gets `kwargs` as they are; its `args` stay in `ctx.args`. Where there are none to
 * add, the input is `kwargs` itself: to copy 90,000 properties takes longer than to parse them.
 */
export function bind(
  spec: Pick<TaskSpec, 'input' | 'validates'>,
  args: readonly unknown[],
  kwargs: Input,
): Bound {
  if (!spec.validates || args.length === 0) return { ok: true, input: kwargs, positional: [] };
  const names = propertyNames(spec.input);
  if (names === undefined) {
    return refused(
      '/args',
      'this task takes keyword arguments only: its schema shows no property order',
    );
  }
  if (args.length > names.length) {
    return refused(
      '/args',
      `expected at most ${names.length} positional arguments, got ${args.length}`,
    );
  }
  const positional = names.slice(0, args.length);
  const twice = positional.flatMap((name, i) =>
    Object.hasOwn(kwargs, name)
      ? [{ path: `/args/${i}`, message: `"${name}" is given twice, here and in kwargs` }]
      : [],
  );
  if (twice.length > 0) return { ok: false, errors: twice };
  const named = Object.fromEntries(positional.map((name, i) => [name, args[i]]));
  return { ok: true, input: { ...named, ...kwargs }, positional };
}

/** JSON Pointer of an input field in the request that it came from: `/to` -> `/kwargs/to` or `/args/0`. */
export function requestPath(pointer: string, positional: readonly string[]): string {
  const [, first = '', ...rest] = pointer.split('/');
  const index = positional.indexOf(first.replaceAll('~1', '/').replaceAll('~0', '~'));
  const start =
    index >= 0 ? ['', 'args', String(index)] : ['', 'kwargs', ...(first ? [first] : [])];
  return [...start, ...rest].join('/');
}

function propertyNames(schema: TaskSpec['input']): string[] | undefined {
  const properties = schema?.properties;
  return typeof properties === 'object' && properties !== null
    ? Object.keys(properties)
    : undefined;
}

function refused(path: string, message: string): Bound {
  return { ok: false, errors: [{ path, message }] };
}
