/** `npm run bench -- [options]`: measures Kaje and others side by side; README.md here says what. */
import { mkdir } from 'node:fs/promises';
import { buildKaje } from './harness/build.ts';
import { onGround } from './harness/ground.ts';
import { describeMachine, machineLine } from './harness/machine.ts';
import { measure, versionsOf } from './harness/measure.ts';
import type { Ground, Peer } from './harness/peer.ts';
import { BENCH } from './harness/places.ts';
import { sectionOf } from './harness/report.ts';
import type { Report, Result } from './harness/results.ts';
import { save } from './harness/save.ts';
import type { Scenario } from './harness/scenario.ts';
import { chosen, type Options, parseOptions, USAGE } from './options.ts';
import { allPeers } from './peers/index.ts';
import { createKaje } from './peers/kaje/index.ts';
import { SCENARIOS } from './scenarios/index.ts';

/** Progress goes where it does not mix with the tables. */
const say = (line: string) => void process.stderr.write(`${line}\n`);
const print = (text: string) => void process.stdout.write(text);

// Whatever was started ends when this process exits.
process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143));
await main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.help) return print(USAGE);
  const scenarios = chosen(SCENARIOS, options.only);
  const wanted = chosen(await allPeers(options.before), options.peers);
  const versions = await versionsOf(wanted);
  if (options.list) return list(wanted, versions);
  if (options.before !== undefined && !versions.has('kaje-before')) {
    throw new Error(`Expected --before to be a checkout of Kaje, built, got "${options.before}"`);
  }
  const installed = wanted.filter(({ name }) => versions.has(name));
  const missing = wanted.filter((peer) => !installed.includes(peer));
  for (const { title, install } of missing) say(`${title} is left out, not installed: ${install}`);
  const kaje = versions.has('kaje') ? createKaje('kaje', await buildKaje(say)) : undefined;
  const peers = installed.map((peer) => (peer.name === 'kaje' && kaje ? kaje : peer));
  await onGround(say, (ground) =>
    measureAll(options, ground, { scenarios, peers, versions, missing }),
  );
}

function list(peers: readonly Peer[], versions: ReadonlyMap<string, string>): void {
  const line = (name: string, text: string) => `  ${name.padEnd(20)}${text}\n`;
  const scenarios = SCENARIOS.map(({ name, title }) => line(name, title));
  const all = peers.map(({ name, install }) =>
    line(name, versions.get(name) ?? `not installed: ${install}`),
  );
  print(['Scenarios:\n', ...scenarios, 'Peers:\n', ...all].join(''));
}

/** Whom a brief run meets everywhere; the others only drain. */
function isBriefly({ name }: Peer): boolean {
  return name.startsWith('kaje') || name === 'bullmq' || name === 'bee-queue';
}

interface Entrants extends Pick<Report, 'missing'> {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Peer[];
  readonly versions: ReadonlyMap<string, string>;
}

async function measureAll(
  { rounds, scale, isBrief, out = `${BENCH}results` }: Options,
  ground: Ground,
  { scenarios, peers, versions, missing }: Entrants,
): Promise<void> {
  // Told now, not when there is something to write.
  await mkdir(out, { recursive: true });
  const machine = await describeMachine(ground.redis.version);
  say(machineLine(machine));
  const results: Result[] = [];
  let base = '';
  for (const scenario of scenarios) {
    const some = isBrief && scenario.name !== 'drain' ? peers.filter(isBriefly) : peers;
    const bench = { ...ground, peers: some, scale };
    const result = await measure(scenario, bench, { rounds, versions, say });
    results.push(result);
    print(`\n${sectionOf(result)}\n\n`);
    base = await save({ machine, rounds, scale, results, missing }, out);
  }
  say(`written: ${base}.md, .json and .svg`);
}
