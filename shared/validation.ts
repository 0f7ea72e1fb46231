/** JSON Schema checks with messages for people: which field, what was expected, what was got. */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type FieldError, pointerPart } from './errors.ts';
import { isLarge, LARGE } from './size.ts';
import { didYouMean } from './suggest.ts';

/** Ten thousand wrong tasks need no ten thousand messages. */
export const ERRORS_MAX = 20;

const NONE: readonly FieldError[] = [];

/** Says yes or no, and stops at the first fault: a large body may have hundreds of thousands. */
const deciding = createChecker({ allErrors: false });
/** Names every fault. */
const naming = createChecker({ allErrors: true, validateSchema: false });

/**
 * What is wrong with `value` by the schema, at most 20; empty when it is right. Of a value of more than
 * 10,000 parts only the first fault is told: 90,000 unknown fields took 20 s to be named.
 */
export function check(schema: object, value: unknown): readonly FieldError[] {
  const faults = deciding(schema, value);
  if (faults.length === 0) return NONE;
  // A choice of twenty kinds has twenty faults at each place: so many fewer places can be told.
  return told(isLarge(value, LARGE / faults.length) ? faults : naming(schema, value));
}

function told(faults: readonly ErrorObject[]): FieldError[] {
  const formats = faults.filter(({ keyword }) => keyword === 'format');
  const formatted = new Set(formats.map(({ instancePath }) => instancePath));
  // A pattern beside a format says the same in a hundred letters more (zod writes both).
  const isTold = ({ keyword, instancePath }: ErrorObject) =>
    keyword !== 'pattern' || !formatted.has(instancePath);
  return faults.filter(isTold).slice(0, ERRORS_MAX).map(fieldError);
}

type Checker = (schema: object, value: unknown) => readonly ErrorObject[];

/** Each schema object is compiled once, at its first use: it takes 10 ms and more, a check about 1 us. */
function createChecker(options: { allErrors: boolean; validateSchema?: false }): Checker {
  // The text is for files of checks, which nobody writes here.
  const regExp = Object.assign(patternOf, { code: 'new RegExp' });
  const own = { verbose: true, strict: false, logger: false, code: { regExp } } as const;
  const ajv = new Ajv2020({ ...options, ...own });
  // The package is CommonJS; its types hide that the function is the default's default.
  addFormats.default(ajv);
  for (const name of ['date-time', 'iso-date-time'])
    ajv.addFormat(name, timeOfUsualLength(ajv, name));
  const validators = new WeakMap<object, ValidateFunction>();
  const compile = (schema: object): ValidateFunction => {
    const validate = ajv.compile(schema);
    // Ajv would keep every schema that it has seen; what is still used is kept here.
    ajv.removeSchema(schema);
    validators.set(schema, validate);
    return validate;
  };
  return (schema, value) => {
    const validate = validators.get(schema) ?? compile(schema);
    return validate(value) ? NO_FAULTS : (validate.errors ?? NO_FAULTS);
  };
}

/** Libraries publish their patterns as they were written: of those without the flag `u` some are none with it. */
function patternOf(text: string, flags: string): RegExp {
  try {
    return new RegExp(text, flags);
  } catch {
    return new RegExp(text);
  }
}

/** A time with its fraction and zone takes 40 letters; to split a million blanks took 0.2 s. */
const TIME_MAX = 64;

function timeOfUsualLength(ajv: Ajv2020, name: string): (text: string) => boolean {
  const format = ajv.formats[name];
  // ajv-formats defines both as functions.
  const isTime = (typeof format === 'object' && 'validate' in format && format.validate) as (
    text: string,
  ) => boolean;
  return (text) => text.length <= TIME_MAX && isTime(text);
}

const NO_FAULTS: readonly ErrorObject[] = [];

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
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum': {
      const message = `expected a number ${params.comparison} ${params.limit}, got ${error.data}`;
      return { path: instancePath, message };
    }
    default:
      // Texts are not repeated: one of them may be a secret.
      if (/date-time$/.test(params.format))
        return {
          path: instancePath,
          message: 'expected a date-time with its zone, such as 2035-11-22T10:00:00Z',
        };
      return { path: instancePath, message: error.message ?? `fails "${keyword}"` };
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
