/** What values of settings may be: in words for people, and how each is read. */
import { AUTOSCALE_OFF, parseBounds } from './autoscale.ts';
import { redisUrlProblem } from './redisUrl.ts';
import { parseRoutes, type RouteRule } from './routing.ts';

/** What a value may be: in words, and how it is read; undefined when it is wrong. */
export interface Kind<T> {
  readonly expected: string;
  parse(text: string): T | undefined;
  /** What is wrong with a part of it, said by its name. */
  problem?(text: string): string | undefined;
}

const text = (expected: string, pattern: RegExp): Kind<string> => ({
  expected,
  parse: (text) => (pattern.test(text) ? text : undefined),
});

export const number = (
  min: number,
  max = Number.MAX_SAFE_INTEGER,
  what = 'a number',
): Kind<number> => ({
  expected:
    max === Number.MAX_SAFE_INTEGER ? `${what}, ${min} or more` : `${what} from ${min} to ${max}`,
  parse(text) {
    const value = Number(text);
    return text.trim() !== '' && value >= min && value <= max ? value : undefined;
  },
});

export const integer = (min: number, max?: number): Kind<number> => {
  const { expected, parse } = number(min, max, 'a whole number');
  return { expected, parse: (text) => [parse(text)].find(Number.isInteger) };
};

/** With or without its sign. */
export const percent: Kind<number> = {
  expected: 'a percentage from 1 to 100, such as 80%',
  parse: (text) => number(1, 100).parse(text.replace(/\s*%$/, '')),
};

export const oneOf = <T extends string>(...choices: readonly T[]): Kind<T> => ({
  expected: `one of ${choices.join(', ')}`,
  parse: (text) => choices.find((choice) => choice === text),
});

export const host = text('a host name or an address', /^[\w.:-]+$/);
export const redis: Kind<string> = {
  ...text('a URL redis://, rediss:// or unix:/path', /^(rediss?:\/\/|unix:|\/)./),
  problem: redisUrlProblem,
};
export const file = text('the path of a file', /./);
export const autoscale: Kind<string> = {
  expected: `most and least, such as 10,3, at least 1 and at most 10000, or ${AUTOSCALE_OFF}`,
  parse: (text) => (text === AUTOSCALE_OFF || parseBounds(text) ? text : undefined),
};
const PROCESSES_MAX = 256;
export const processes: Kind<number | 'auto'> = {
  expected: `a whole number from 1 to ${PROCESSES_MAX}, or auto`,
  parse: (text) => (text === 'auto' ? text : integer(1, PROCESSES_MAX).parse(text)),
};
export const prefix = text('letters, digits and _.-{}', /^[\w.{}-]+$/);

export const routes: Kind<readonly RouteRule[]> = {
  expected: 'rules such as mail.*=mail,report_?=slow',
  parse: parseRoutes,
};
