/** `npm run test:mutants [-- options]`: changes the sources one place at a time, and sees whether a test fails. */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { equivalents, isListed, mutationsOf, sourcesOf, stale, testsOf } from './find.ts';
import type { Mutation } from './mutation.ts';
import { sample } from './sample.ts';
import { killAll, openSandbox, type Sandbox } from './sandbox.ts';
import { type TrialOptions, tryMutation, type Verdict } from './trial.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const USAGE = `npm run test:mutants -- [options]
  --sample <n>     how many changes (default: 100)
  --seed <n>       which ones (default: by the clock; it is printed)
  --files <text>   only in files whose path contains this text; more than once: any of them
  --only <list>    only these, as survivors are printed: file:line, separated by commas
  --kind <kind>    only of this kind; more than once: any of them
  --near           only the tests near the file, not those of its folder too
  --jobs <n>       how many at once (default: one for two cores)
  --limit <s>      seconds for the tests of one change (default: 900)
  --list           names the changes, and runs nothing`;

type Result = readonly [Mutation, Verdict];

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 1;
});

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) return say(USAGE);
  const list = equivalents(ROOT);
  for (const { file, change } of stale(ROOT, list)) console.log(`stale: ${file}: ${change}`);
  const chosen = choose(options, isListed(list));
  console.log(`${chosen.length} changes, seed ${options.seed}`);
  if (options.list) return say(chosen.map(named).join('\n'));
  const results = await tryAll(chosen, options);
  return report(results);
}

function say(text: string): number {
  console.log(text);
  return 0;
}

type Options = ReturnType<typeof optionsOf>;

function optionsOf(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: {
      sample: { ...text, default: '100' },
      seed: { ...text, default: `${Date.now() % 1_000_000}` },
      files: { ...text, multiple: true, default: [''] },
      only: text,
      kind: { ...text, multiple: true, default: [] as string[] },
      near: flag,
      jobs: { ...text, default: `${Math.ceil(cpus().length / 2)}` },
      limit: { ...text, default: '900' },
      list: flag,
      help: flag,
    },
  });
  return values;
}

function choose(options: Options, isEquivalent: (mutation: Mutation) => boolean): Mutation[] {
  const only = options.only?.split(',');
  const files = sourcesOf(ROOT).filter((file) => options.files.some((part) => file.includes(part)));
  const possible = mutationsOf(ROOT, files).filter(
    ({ file, line, kind }) =>
      (!only || only.includes(`${file}:${line}`)) &&
      (options.kind.length === 0 || options.kind.includes(kind)),
  );
  const counted = possible.filter((mutation) => !isEquivalent(mutation));
  return sample(counted, Number(options.sample), Number(options.seed));
}

async function tryAll(mutations: readonly Mutation[], options: Options): Promise<Result[]> {
  const queue = [...mutations];
  const results: Result[] = [];
  const trial = {
    tree: { root: ROOT, sources: sourcesOf(ROOT), tests: testsOf(ROOT) },
    limitMs: Number(options.limit) * 1000,
    near: options.near,
  };
  const note = (result: Result) => {
    results.push(result);
    const [mutation, verdict] = result;
    console.log(`${results.length}/${mutations.length} ${verdict.padEnd(8)} ${named(mutation)}`);
  };
  const jobs = Math.min(Number(options.jobs), mutations.length);
  await Promise.all(Array.from({ length: jobs }, () => work({ queue, trial, note })));
  return results;
}

interface Work {
  readonly queue: Mutation[];
  readonly trial: TrialOptions;
  note(result: Result): void;
}

async function work({ queue, trial, note }: Work): Promise<void> {
  const sandbox = await openSandbox(ROOT);
  const endBySignal = () => {
    killAll();
    sandbox.close().finally(() => process.exit(130));
  };
  process.on('SIGINT', endBySignal).on('SIGTERM', endBySignal);
  try {
    await workOff(sandbox, { queue, trial, note });
  } finally {
    await sandbox.close();
  }
}

async function workOff(sandbox: Sandbox, { queue, trial, note }: Work): Promise<void> {
  for (;;) {
    const mutation = queue.shift();
    if (!mutation) return;
    note([mutation, await tryMutation(sandbox, mutation, trial)]);
  }
}

function named({ file, line, kind, change }: Mutation): string {
  return `${file}:${line} [${kind}] ${change}`;
}

function report(results: readonly Result[]): number {
  const of = (verdict: Verdict) => results.filter(([, each]) => each === verdict);
  const survivors = of('survived');
  const noticed = results.length - survivors.length;
  if (survivors.length > 0) console.log('\nNoticed by nothing:');
  for (const [mutation] of survivors) console.log(`  ${named(mutation)}`);
  const parts = (['tests', 'time', 'types'] as const).map((by) => `${of(by).length} by ${by}`);
  const percent = results.length ? Math.round((noticed / results.length) * 100) : 100;
  return say(`\n${noticed} of ${results.length} noticed (${percent} %): ${parts.join(', ')}`);
}
