/** What schemas are made of. */

export const text = { type: 'string' } as const;
export const textOrNull = { type: ['string', 'null'] } as const;
export const time = { type: 'string', format: 'date-time' } as const;
export const timeOrNull = { type: ['string', 'null'], format: 'date-time' } as const;
export const number = { type: 'number' } as const;
export const numberOrNull = { type: ['number', 'null'] } as const;
export const count = { type: 'integer', minimum: 0 } as const;
export const countOrNull = { type: ['integer', 'null'], minimum: 0 } as const;
export const seconds = { type: 'number', exclusiveMinimum: 0 } as const;
export const clockAhead = {
  type: 'integer',
  description: 'Milliseconds by which its clock is ahead of that of Redis; below 0 it is behind',
} as const;
export const flag = { type: 'boolean' } as const;
export const json = { description: 'Any JSON value' } as const;
/** Without the second, generators of clients make objects of it that hold nothing. */
export const object = { type: 'object', additionalProperties: true } as const;
export const list = { type: 'array', items: {} } as const;
export const texts = { type: 'array', items: text } as const;
/** What Redis keys and URLs take without escapes; as parts of a path, `.` and `..` mean folders. */
export const queueName = {
  type: 'string',
  pattern: '^(?!\\.{1,2}$)[A-Za-z0-9_.-]{1,128}$',
} as const;
export const priority = { type: 'integer', minimum: 0, maximum: 9 } as const;

/** An object that always has all of these properties, and perhaps more. */
export function answer<const Properties extends object>(properties: Properties) {
  // Object.keys forgets what the keys are.
  const required = Object.keys(properties) as (keyof Properties & string)[];
  return { type: 'object', required, properties } as const;
}

/** A body that may have these properties and no others. */
export function request<
  const Properties extends object,
  const Name extends keyof Properties = never,
>(properties: Properties, required: readonly Name[] = []) {
  return { type: 'object', additionalProperties: false, required, properties } as const;
}

export function listOf<const Name extends string, const Item>(name: Name, items: Item) {
  // A computed key is any string to the compiler.
  const properties = { [name]: { type: 'array', items } } as {
    readonly [K in Name]: { readonly type: 'array'; readonly items: Item };
  };
  return answer(properties);
}
