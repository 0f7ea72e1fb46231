/** Tries one mutation: the nearest tests first, then those of its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Mutation, mutated } from './mutation.ts';
import { folderTests, nearTests, type Tree } from './nearTests.ts';
import type { Sandbox } from './sandbox.ts';

export type Verdict = 'tests' | 'time' | 'types' | 'survived';

export interface TrialOptions {
  readonly tree: Tree;
  /** Milliseconds for the tests of one mutation, those near it and those of its folder each. */
  readonly limitMs: number;
  /** Whether only the tests near it run. */
  readonly near: boolean;
}

export function tryMutation(
  sandbox: Sandbox,
  mutation: Mutation,
  options: TrialOptions,
): Promise<Verdict> {
  const source = readFileSync(join(sandbox.dir, mutation.file), 'utf8');
  return sandbox.change(mutation.file, mutated(source, mutation), async () => {
    // Types are stripped, not checked, by the build: what fails here is no TypeScript at all.
    if (!(await sandbox.build())) return 'types';
    const verdict = await firstNoticed(sandbox, stages(mutation, options), options.limitMs);
    if (verdict !== 'survived') return verdict;
    return mutation.file.endsWith('.ts') && !(await sandbox.checks()) ? 'types' : 'survived';
  });
}

function stages({ file }: Mutation, { tree, near }: TrialOptions): string[][] {
  const nearest = nearTests(file, tree);
  const rest = folderTests(file, tree).filter((test) => !nearest.includes(test));
  return [nearest, ...(near && nearest.length > 0 ? [] : [rest])].filter(
    (stage) => stage.length > 0,
  );
}

async function firstNoticed(
  sandbox: Sandbox,
  stages: readonly string[][],
  limitMs: number,
): Promise<Verdict> {
  for (const stage of stages) {
    const { end, failed } = await sandbox.test(stage, limitMs);
    if (end === 'time') return 'time';
    if (end === 'passed') continue;
    // Noticed is what fails twice: a test that fails now and then has noticed nothing.
    const again = await sandbox.test(failed && stage.includes(failed) ? [failed] : stage, limitMs);
    if (again.end !== 'passed') return 'tests';
  }
  return 'survived';
}
