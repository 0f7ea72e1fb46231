/** What a schema asks of its input that no request can hold: such a task would fail whatever is sent. */

/** As zod 4 describes its own schemas. Of other libraries nothing is known here. */
interface ZodDefinition {
  readonly type?: string;
  /** `z.coerce.date()` takes what JSON has, and makes a date of it. */
  readonly coerce?: boolean;
  readonly shape?: Readonly<Record<string, unknown>>;
}

/** Kinds of values that JSON has not, and what takes their place. */
const CURES: Readonly<Record<string, string>> = {
  date: 'z.coerce.date(), or z.iso.datetime() for a text',
  bigint: 'z.coerce.bigint(), or a text for what is larger than 2^53',
  map: 'z.record()',
  set: 'z.array()',
};

/**
 * The first property that every input must have and no JSON can hold, in words; undefined if there
 * is none. One that may be left out, or has a default, may be there for the task's own sake.
 */
export function inputProblem(schema: unknown): string | undefined {
  try {
    return problemAt(schema, '', new Set());
  } catch {
    // Its properties may be getters, which throw.
    return undefined;
  }
}

/** @param seen schemas may hold themselves */
function problemAt(schema: unknown, path: string, seen: Set<unknown>): string | undefined {
  const { type = '', coerce, shape } = definitionOf(schema);
  const cure = Object.hasOwn(CURES, type) && !coerce ? CURES[type] : undefined;
  if (cure) return `${path || '/'} is a ${type}, which JSON cannot hold: take ${cure}`;
  if (type !== 'object' || !shape || seen.has(schema)) return undefined;
  seen.add(schema);
  for (const [name, property] of Object.entries(shape)) {
    const problem = problemAt(property, `${path}/${name}`, seen);
    if (problem) return problem;
  }
  return undefined;
}

function definitionOf(schema: unknown): ZodDefinition {
  const isThing = typeof schema === 'object' && schema !== null;
  const inside: unknown = isThing ? Reflect.get(schema, '_zod') : undefined;
  const definition = typeof inside === 'object' && inside !== null && Reflect.get(inside, 'def');
  // Its fields are looked at one by one, and may be anything.
  return typeof definition === 'object' && definition !== null ? definition : {};
}
