/** A log entry as a line for people to read; programs get JSON. */

type Entry = Readonly<Record<string, unknown>>;
type Paint = (text: string) => string;
/** Those of pino-pretty: each returns the text as it is where colours are off. */
type Colours = Readonly<Record<'green' | 'yellow' | 'red' | 'cyan' | 'dim', Paint>>;

/** Everything of the entry but its time, level and process: what happened, then the rest as key=value. */
export function logLine(entry: Entry, colours: Colours): string {
  const { level, time, pid, hostname, name, err, traceback, ...fields } = entry;
  const [said, rest] = sentenceOf(fields, colours);
  const pairs = Object.entries(rest).map(([key, value]) => colours.dim(`${key}=`) + shown(value));
  return [[...said, ...pairs].join(' '), ...stackOf(err, traceback)].join('\n    ');
}

function sentenceOf(fields: Entry, colours: Colours): [said: string[], rest: Entry] {
  if ('task_id' in fields && 'task' in fields) return ofTask(fields, colours);
  if ('method' in fields && 'ms' in fields) return ofRequest(fields);
  const { msg, ...rest } = fields;
  return [[String(msg ?? '')], rest];
}

/** `add 01a2... SUCCESS in 0.002 s` at the end of a run; else what the task itself has to say. */
function ofTask(fields: Entry, colours: Colours): [string[], Entry] {
  const { task, task_id: id, state, runtime, retries, msg, ...rest } = fields;
  const paint = colours[STATE_COLOURS[String(state)] ?? 'cyan'];
  const said = [String(task), String(id), ...(state === undefined ? [] : [paint(String(state))])];
  const retried = retries ? { retries } : {};
  const what = runtime === undefined ? String(msg ?? '') : `in ${runtime} s`;
  return [[...said, what], { ...retried, ...rest }];
}

function ofRequest({
  method,
  path,
  status,
  ms,
  request_id,
  msg,
  ...rest
}: Entry): [string[], Entry] {
  const said = [`${method} ${path} ${status} in ${ms} ms`];
  // The id leads from the answer that a client got to this line: it matters when something failed.
  return msg === 'request' ? [said, rest] : [[...said, String(msg)], { request_id, ...rest }];
}

const STATE_COLOURS: Readonly<Record<string, keyof Colours>> = {
  SUCCESS: 'green',
  FAILURE: 'red',
  REVOKED: 'yellow',
  RETRY: 'yellow',
};

function shown(value: unknown): string {
  if (typeof value === 'string' && /^[\x21\x23-\x7e]+$/.test(value)) return value;
  return JSON.stringify(value) ?? String(value);
}

/** Of a traceback its frames and causes; its first lines say again what the fields say already. */
function stackOf(err: unknown, traceback: unknown): string[] {
  if (typeof traceback === 'string') {
    const lines = traceback.split('\n');
    const start = lines.findIndex((line) => isFrame(line) || isHeld(line));
    return start < 0 ? [] : lines.slice(start).map(trimmed);
  }
  if (typeof err !== 'object' || err === null || !('stack' in err)) return [];
  return String(err.stack).split('\n').map(trimmed);
}

const isFrame = (line: string) => /^\s+at /.test(line);
/** An error inside of the error: see worker/outcome.ts. */
const isHeld = (line: string) => /^(?:Caused by|Thrown (?:then|before)|\[\d+ of \d+\]) /.test(line);
const trimmed = (line: string) => line.trim();
