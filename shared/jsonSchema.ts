/** The TypeScript type that a JSON Schema constant describes, for the keywords that protocol.ts uses. */

export type FromSchema<S> = S extends { readonly const: infer C }
  ? C
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly type: infer T }
      ? OfType<S, T extends readonly (infer One)[] ? One : T>
      : unknown;

type OfType<S, T> = T extends 'string'
  ? string
  : T extends 'number' | 'integer'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'null'
        ? null
        : T extends 'array'
          ? readonly (S extends { readonly items: infer I } ? FromSchema<I> : unknown)[]
          : T extends 'object'
            ? OfObject<S>
            : never;

type OfObject<S> = S extends { readonly properties: infer P }
  ? Flat<
      { readonly [K in RequiredIn<S> & keyof P]: FromSchema<P[K]> } & {
        readonly [K in Exclude<keyof P, RequiredIn<S>>]?: FromSchema<P[K]>;
      }
    >
  : Readonly<Record<string, unknown>>;

type RequiredIn<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;

type Flat<T> = { [K in keyof T]: T[K] };
