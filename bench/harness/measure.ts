/** Runs the contestants of a scenario in turns. */

import { watchOthers } from './disturbance.ts';
import type { Peer } from './peer.ts';
import { disturbance, numberText } from './report.ts';
import { type Result, type Runs, resultOf } from './results.ts';
import type { Bench, Contestant, Scenario, Values } from './scenario.ts';

export interface Turns {
  readonly rounds: number;
  readonly versions: ReadonlyMap<string, string>;
  /** Shows how far it is. */
  say(line: string): void;
}

/** Round 1: all contestants; round 2: all again. One that fails is left out of the further rounds. */
export async function measure(scenario: Scenario, bench: Bench, turns: Turns): Promise<Result> {
  const rounds = Math.min(turns.rounds, scenario.maxRounds ?? turns.rounds);
  const all = scenario.contestants(bench).map(
    (contestant): Progress => ({
      ...{ contestant, values: [], others: [] },
    }),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const each of all.filter(({ failure }) => failure === undefined)) {
      turns.say(`${scenario.name} ${round}/${rounds}: ${each.contestant.name} ...`);
      const at = performance.now();
      await runOne(each);
      const seconds = ((performance.now() - at) / 1000).toFixed(1);
      turns.say(`    ${told(scenario, each)}; took ${seconds} s`);
    }
  }
  const version = ({ peer }: Contestant) => turns.versions.get(peer) ?? '';
  return resultOf(
    scenario,
    all.map((each): Runs => ({ ...each, version: version(each.contestant) })),
  );
}

interface Progress {
  readonly contestant: Contestant;
  readonly values: Values[];
  /** Share of the machine that others took, of each run. */
  readonly others: number[];
  failure?: string;
}

async function runOne(progress: Progress): Promise<void> {
  const othersTook = await watchOthers();
  try {
    progress.values.push(await progress.contestant.run());
    progress.others.push(await othersTook());
  } catch (error) {
    progress.failure = error instanceof Error ? error.message : String(error);
  }
}

function told({ columns }: Scenario, { values, others, failure }: Progress): string {
  if (failure !== undefined) return `failed: ${failure}`;
  const last = values.at(-1) ?? {};
  const measured = columns.filter(({ key }) => last[key] !== undefined);
  const texts = measured.map(
    ({ key, label, digits = 0 }) => `${label} ${numberText(last[key] ?? 0, digits)}`,
  );
  return [...texts, disturbance(others.slice(-1))].filter(Boolean).join('; ');
}

/** Versions of those that are installed, by their names. */
export async function versionsOf(peers: readonly Peer[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const peer of peers) {
    const version = await peer.version();
    if (version !== undefined) found.set(peer.name, version);
  }
  return found;
}
