/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';

export interface Options {
  /** Names of scenarios; empty: all. */
  readonly only: readonly string[];
  /** Names of peers, or their beginning up to a hyphen; empty: all. */
  readonly peers: readonly string[];
  readonly rounds: number;
  /** What counts and durations are multiplied with. */
  readonly scale: number;
  /** Quick, and no peers were named: most peers only drain. */
  readonly isBrief: boolean;
  /** Another checkout of Kaje to compare with. */
  readonly before?: string | undefined;
  readonly out?: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
}

const ROUNDS = 3;
const QUICK = { rounds: 1, scale: 0.07 };

export const USAGE = `npm run bench -- [options]
  --quick            small counts, one round: under 3 minutes in all; unless --peers says
                     otherwise, most peers take part in the drain only
  --only a,b         scenarios (--list names them)
  --peers a,b        peers, by name or its beginning: celery, kaje
  --rounds n         rounds, each through all peers (default ${ROUNDS}, quick ${QUICK.rounds})
  --scale x          counts and durations times x (default 1, quick ${QUICK.scale})
  --before folder    another checkout of Kaje, built, to compare with
  --out folder       where results go (default bench/results)
  --list             names scenarios and peers, and whether they are installed
`;

const FLAGS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string' },
  peers: { type: 'string' },
  rounds: { type: 'string' },
  scale: { type: 'string' },
  before: { type: 'string' },
  out: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @throws Error that says what was expected and what was got */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: FLAGS });
  return {
    only: listOf('only', values.only),
    peers: listOf('peers', values.peers),
    rounds: numberOf('rounds', values.rounds, values.quick ? QUICK.rounds : ROUNDS),
    scale: numberOf('scale', values.scale, values.quick ? QUICK.scale : 1),
    isBrief: values.quick && values.peers === undefined,
    before: values.before,
    out: values.out,
    list: values.list,
    help: values.help,
  };
}

function listOf(flag: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const names = text.split(',').filter((name) => name !== '');
  if (names.length === 0)
    throw new Error(`Expected --${flag} to be a list of names, got "${text}"`);
  return names;
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  const isRight = value > 0 && (name !== 'rounds' || Number.isInteger(value));
  if (isRight && text.trim() !== '') return value;
  const what = name === 'rounds' ? 'a whole number above 0' : 'a number above 0';
  throw new Error(`Expected --${name} to be ${what}, got "${text}"`);
}

/**
 * Those of `all` that were asked for; `celery` means `celery-late` as well.
 * @throws Error for a name that means none
 */
export function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[],
): T[] {
  const means = (asked: string, { name }: T) => name === asked || name.startsWith(`${asked}-`);
  const unknown = names.filter((asked) => !all.some((each) => means(asked, each)));
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(', ');
    throw new Error(`Expected one of ${known}, got ${unknown.join(', ')}`);
  }
  return all.filter((each) => names.length === 0 || names.some((asked) => means(asked, each)));
}
