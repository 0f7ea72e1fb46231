/** A question for tasks as it stands in a URL, and what it means. */
import type { TaskQuery } from './broker.ts';
import { type FieldError, InvalidRequestError } from './errors.ts';
import { ROUTES } from './protocol.ts';
import { isCustomState, STATES } from './states.ts';
import { didYouMean } from './suggest.ts';
import { check, ERRORS_MAX } from './validation.ts';

const { query: PARAMETERS } = ROUTES.listTasks;

/** Parameters of `GET /v1/tasks`; one that is empty is not there. */
export type TaskQueryText = { readonly [K in keyof typeof PARAMETERS]?: string };

const SCHEMA = { type: 'object', additionalProperties: false, properties: PARAMETERS };

/** @throws InvalidRequestError for an unknown parameter or state, a wrong limit or time */
export function parseTaskQuery(parameters: Readonly<Record<string, unknown>>): TaskQuery {
  const given = Object.entries(parameters).filter(([, value]) => value !== '' && value != null);
  const text = Object.fromEntries(given.map(([name, value]) => [name, numberIn(name, value)]));
  const wrong = check(SCHEMA, text);
  if (wrong.length > 0) throw new InvalidRequestError(wrong);
  // It satisfies the schema, limit is a number and all else text.
  const { state, since, until, limit, ...rest } = text as Omit<TaskQueryText, 'limit'> & {
    readonly limit?: number;
  };
  const states = state === undefined ? undefined : statesIn(state);
  const times = { since: timeIn('since', since), until: timeIn('until', until) };
  const all = { ...rest, ...times, states, limit: limit ?? PARAMETERS.limit.default };
  // An absent field and one that is undefined are the same here.
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as unknown as TaskQuery;
}

function numberIn(name: string, value: unknown): unknown {
  return name === 'limit' && /^\d+$/.test(String(value)) ? Number(value) : value;
}

function statesIn(text: string): string[] {
  const states = [...new Set(text.split(',').map((state) => state.trim()))];
  const known: readonly string[] = STATES;
  const errors = states
    .filter((state) => !known.includes(state) && !isCustomState(state))
    .slice(0, ERRORS_MAX)
    .map((state): FieldError => {
      const expected = `expected ${STATES.join(', ')} or a state of a task's own, in upper case`;
      const message = `unknown state "${state}"${didYouMean(state, STATES)}; ${expected}`;
      return { path: '/state', message };
    });
  if (errors.length > 0) throw new InvalidRequestError(errors);
  return states;
}

function timeIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  // RFC 3339 knows leap seconds, Date does not.
  const message = `expected a time that exists, got "${text}"`;
  throw new InvalidRequestError([{ path: `/${name}`, message }]);
}
