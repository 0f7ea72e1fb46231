/** Where a list of tasks goes on, as text that clients hand back unread. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { InvalidRequestError } from '../errors.ts';
import type { Place } from '../scripts.ts';
import { check } from '../validation.ts';

/** queue -> kind of source -> the last task that was looked at there */
export type Places = ReadonlyMap<string, Readonly<Record<string, Place>>>;

export interface Cursor {
  /** When the first page was asked for, epoch milliseconds. */
  readonly now: number;
  readonly places: Places;
}

/** Longer URLs are refused on the way, by Node at 16 KiB. */
const LENGTH_MAX = 12_000;
/** A short text may unpack to a very long one. */
const UNPACKED_MAX = 256 * 1024;

const whole = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const id = { type: 'string', maxLength: 256 };
const score = { type: 'string', pattern: '^-?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)?$', maxLength: 40 };
const inSet = { type: 'array', prefixItems: [score, id], minItems: 1, maxItems: 2 };
const inList = {
  type: 'array',
  prefixItems: [whole, whole, whole],
  items: id,
  minItems: 4,
  maxItems: 8,
};
const allTold = { type: 'array', maxItems: 0 };
const SCHEMA = {
  type: 'object',
  required: ['now', 'places'],
  properties: {
    now: whole,
    places: {
      type: 'array',
      items: {
        type: 'array',
        prefixItems: [
          { type: 'string' },
          {
            type: 'object',
            patternProperties: {
              '^l': { anyOf: [allTold, inList] },
              '^s': { anyOf: [allTold, inSet] },
            },
            additionalProperties: false,
          },
        ],
        minItems: 2,
        maxItems: 2,
      },
    },
  },
};

/** @throws InvalidRequestError when there are more queues in the middle of the list than fit */
export function cursorText({ now, places }: Cursor): string {
  const json = JSON.stringify({ now, places: [...places] });
  const text = deflateRawSync(json).toString('base64url');
  if (text.length <= LENGTH_MAX) return text;
  const message = 'too many queues have tasks for one list; name one';
  throw new InvalidRequestError([{ path: '/queue', message }]);
}

/** @throws InvalidRequestError for a text that is no cursor of ours */
export function parseCursor(text: string): Cursor {
  const stored = unpacked(text);
  if (check(SCHEMA, stored).length > 0) {
    const message = 'expected the next_cursor of the call before';
    throw new InvalidRequestError([{ path: '/cursor', message }]);
  }
  // The schema says that it is one.
  const { now, places } = stored as { now: number; places: [string, Record<string, Place>][] };
  return { now, places: new Map(places) };
}

function unpacked(text: string): unknown {
  try {
    const json = inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: UNPACKED_MAX });
    return JSON.parse(json.toString());
  } catch {
    return undefined;
  }
}
