import { drain } from '../harness/drain.ts';
import { type Scenario, scaled } from '../harness/scenario.ts';

const SHORT = 10_000;
/** With those that are measured a million. */
const LONG = 930_000;
/** Tasks done before anything counts, and while it does. */
const WARM_UP = 20_000;
const MEASURED = 50_000;

export const backlog: Scenario = {
  name: 'backlog',
  title: 'Drain rate of a long backlog against a short one',
  about:
    'The same drain twice, of as many tasks: once with 10,000 more behind those that are ' +
    'measured, once with very many. Done is a task whose result is stored.',
  columns: [
    { key: 'ratio', label: 'long : short', digits: 2 },
    { key: 'long', label: 'tasks/s, long backlog' },
    { key: 'short', label: 'tasks/s, 10,000 behind' },
    { key: 'longCpu', label: 'server CPU, us/task, long' },
    { key: 'shortCpu', label: 'server CPU, us/task, 10,000 behind' },
    { key: 'behind', label: 'long backlog, tasks' },
  ],
  better: 'more',
  maxRounds: 3,
  contestants: (bench) =>
    bench.peers
      .filter(({ name }) => name.startsWith('kaje') || name === 'bullmq')
      .map((peer) => {
        const after = scaled(bench, WARM_UP, 10_000);
        const until = after + scaled(bench, MEASURED, 15_000);
        const drainWith = async (behind: number) => {
          const backlog = { count: until + behind, until, after };
          const { rate = 0, storeCpu = 0 } = await drain(bench, peer, backlog);
          return { rate, storeCpu };
        };
        return {
          name: peer.title,
          peer: peer.name,
          settings: peer.settings,
          async run() {
            const behind = scaled(bench, LONG);
            const short = await drainWith(SHORT);
            const long = await drainWith(behind);
            const rates = { ratio: long.rate / short.rate, long: long.rate, short: short.rate };
            return { ...rates, longCpu: long.storeCpu, shortCpu: short.storeCpu, behind };
          },
        };
      }),
};
