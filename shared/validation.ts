/** JSON Schema checks with messages for people: which field, what was expected, what was got. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { FieldError } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** Ten thousand wrong tasks need no ten thousand messages. */
export const ERRORS_MAX = 20;

const NONE: readonly FieldError[] = [];

const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: false, logger: false });
// The package is CommonJS; its types hide that the function is the default's default.
addFormats.default(ajv);

/** What is wrong with `value` by the schema, at most 20; empty when it is right. */
export function check(schema: object, value: unknown): readonly FieldError[] {
  const validate = compiled(schema);
  if (validate(value)) return NONE;
  const errors = (validate.errors ?? []).filter(isTold);
  return errors.slice(0, ERRORS_MAX).map(fieldError);
}

/** A pattern beside a format says the same in a hundred letters more (zod writes both). */
function isTold(
  { keyword, instancePath }: ErrorObject,
  _: number,
  all: readonly ErrorObject[],
): boolean {
  const hasFormat = all.some(
    (each) => each.keyword === 'format' && each.instancePath === instancePath,
  );
  return keyword !== 'pattern' || !hasFormat;
}

const validators = new WeakMap<object, ValidateFunction>();

/** Each schema object is compiled once, at its first use: it takes 10 ms and more, a check about 1 us. */
function compiled(schema: object): ValidateFunction {
  const known = validators.get(schema);
  if (known) return known;
  const validate = ajv.compile(schema);
  // Ajv would keep every schema that it has seen; what is still used is kept here.
  ajv.removeSchema(schema);
  validators.set(schema, validate);
  return validate;
}

function fieldError(error: ErrorObject): FieldError {
  const { keyword, instancePath, params, parentSchema } = error;
  switch (keyword) {
    case 'additionalProperties': {
      const field = String(params.additionalProperty);
      const known = Object.keys(parentSchema?.properties ?? {});
      const message = `unknown field "${field}"${didYouMean(field, known)}`;
      return { path: `${instancePath}/${pointerPart(field)}`, message };
    }
    case 'required':
      return {
        path: `${instancePath}/${pointerPart(String(params.missingProperty))}`,
        message: 'is required',
      };
    case 'type':
      return {
        path: instancePath,
        message: `expected ${params.type}, got ${typeName(error.data)}`,
      };
    case 'enum':
      return {
        path: instancePath,
        message: `expected one of ${JSON.stringify(params.allowedValues)}`,
      };
    default:
      return { path: instancePath, message: error.message ?? `fails "${keyword}"` };
  }
}

/** A name as a part of a JSON Pointer (RFC 6901). */
export function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
