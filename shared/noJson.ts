/** What JSON has no form for, and would be lost or changed without a word: a Map is `{}` there, NaN is null. */
import { pointerPart } from './errors.ts';

/** Where it is, as a JSON Pointer, and what it is: `a Map`. */
export interface NoJson {
  readonly path: string;
  readonly what: string;
}

/** The value as JSON text; undefined where there is nothing to write. Throws as refuseNoJson, and at circles. */
export function toJson(value: unknown): string | undefined {
  if (!isPlain(value)) refuseNoJson(value);
  return JSON.stringify(value);
}

/** Deeper values, circles among them, are left to JSON. */
const DEEPEST = 20;

/** Whether it holds nothing but what JSON has a form of its own for, and is not deep; some 10 ns a part. */
export function isPlain(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      // -0 is 0 in JSON, what is not finite is null.
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || (depth < DEEPEST && isPlainObject(value, depth + 1));
    default:
      return false;
  }
}

function isPlainObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    if ('toJSON' in value) return false;
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth)) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return false;
  // By keys: entries are a list for each property.
  for (const key of Object.keys(value)) {
    // As a key it would change the copy's prototype instead.
    if (key === '__proto__' || !isPlain(Reflect.get(value, key), depth)) return false;
  }
  return true;
}

function isSimple(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

/** @throws NoJsonError for the first part of a value that JSON cannot hold */
export function refuseNoJson(value: unknown): void {
  const found = noJsonIn(value);
  if (found) throw new NoJsonError(found);
}

/** Says which part of a value it is, and what. */
export class NoJsonError extends TypeError {
  readonly found: NoJson;

  constructor(found: NoJson) {
    super(`${found.path === '' ? 'it' : found.path} is ${found.what}, which JSON cannot hold`);
    this.found = found;
  }
}

/** Below the value, on the way to what is looked at now. */
interface Place {
  readonly path: readonly (string | number)[];
  readonly above: readonly object[];
}

const TOP: Place = { path: [], above: [] };

/** The first part of a value that JSON cannot hold. What has a `toJSON` is what that says. */
export function noJsonIn(value: unknown, place: Place = TOP): NoJson | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : found(place, String(value));
    case 'bigint':
    case 'function':
    case 'symbol':
      return found(place, `a ${typeof value}`);
    case 'object':
      return value === null ? undefined : noJsonInObject(value, place);
    default:
      return undefined;
  }
}

function found({ path }: Place, what: string): NoJson {
  return { path: path.map((part) => `/${pointerPart(String(part))}`).join(''), what };
}

function noJsonInObject(value: object, place: Place): NoJson | undefined {
  // JSON.stringify says it of them better, with the way round.
  if (place.above.includes(value)) return undefined;
  if ('toJSON' in value && typeof value.toJSON === 'function') return noJsonInOwn(value, place);
  const what = nameOfStranger(value);
  if (what !== undefined) return found(place, what);
  const above = [...place.above, value];
  const parts = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, part] of parts) {
    if (isSimple(part)) continue;
    const inner = noJsonIn(part, { path: [...place.path, key], above });
    if (inner) return inner;
  }
  return undefined;
}

function noJsonInOwn(value: object, place: Place): NoJson | undefined {
  if (value instanceof Date && Number.isNaN(value.getTime()))
    return found(place, 'an invalid Date');
  const said: unknown = Reflect.apply(Reflect.get(value, 'toJSON'), value, [
    String(place.path.at(-1) ?? ''),
  ]);
  // Of what it says, JSON asks no toJSON again.
  const isObject = typeof said === 'object' && said !== null && !('toJSON' in said);
  return isObject || typeof said === 'number' || typeof said === 'bigint'
    ? noJsonIn(said, place)
    : undefined;
}

/** What is neither a list nor an object with properties to show: JSON would make `{}` of most. */
function nameOfStranger(value: object): string | undefined {
  if (Array.isArray(value)) return undefined;
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (kind !== 'Object') return withArticle(kind);
  const prototype = Object.getPrototypeOf(value);
  // Also that of another realm, which has none above it either.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
  const isShown = Object.keys(value).length > 0 && typeof Reflect.get(value, 'pipe') !== 'function';
  return isShown ? undefined : withArticle(String(value.constructor?.name || 'object'));
}

function withArticle(name: string): string {
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
