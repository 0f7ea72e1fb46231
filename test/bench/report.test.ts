import { expect } from 'chai';
import { machineLine } from '../../bench/harness/machine.ts';
import { markdownOf, spreadOf, tableOf } from '../../bench/harness/report.ts';
import { summaryOf } from '../../bench/harness/stats.ts';
import { machine, report, result, row } from './sample.ts';

describe('the report of the benchmarks', () => {
  it('makes a table of medians with their spread, compared with Kaje', () => {
    const table = tableOf(result([row('Kaje', [2000, 1000, 3000]), row('BullMQ', [500])]));
    expect(table.split('\n')).to.deep.equal([
      '|  | tasks/s | Kaje is |',
      '| --- | ---: | ---: |',
      '| Kaje | 2,000 (1,000-3,000) | 1.00 x |',
      '| BullMQ | 500 | 4.00 x |',
    ]);
  });

  it('compares the other way round where less is better', () => {
    const rows = [row('Kaje', [20]), row('BullMQ', [500])];
    expect(tableOf(result(rows, { better: 'less' }))).to.include('| BullMQ | 500 | 25.0 x |');
  });

  it('compares nothing where Kaje is alone or not there', () => {
    expect(tableOf(result([row('Kaje', [1])]))).not.to.include('Kaje is');
    expect(tableOf(result([row('BullMQ', [1]), row('RQ', [2])]))).not.to.include('Kaje is');
  });

  it('says in one line why a peer failed, in as many cells as the others', () => {
    const failure = 'It broke\n  at | once';
    const columns = [
      { key: 'rate', label: 'tasks/s' },
      { key: 'cpu', label: 'us' },
    ];
    const table = tableOf(result([row('Kaje', [1]), row('RQ', [], { failure })], { columns }));
    expect(table.split('\n').at(-1)).to.equal('| RQ | failed: It broke at \\| once |  |  |');
  });

  const spreads: readonly (readonly [all: number[], digits: number, text: string])[] = [
    [[1234.5], 0, '1,235'],
    [[1.234, 1.5], 2, '1.37 (1.23-1.50)'],
    [[1.231, 1.234], 2, '1.23'],
  ];
  for (const [all, digits, text] of spreads) {
    it(`writes ${all.join(', ')} as ${text}`, () => {
      expect(spreadOf(summaryOf(all), digits)).to.equal(text);
    });
  }

  it('tells what it ran on, how each was set, and who was left out', () => {
    const missing = [{ title: 'RQ', install: 'apt-get install python3-rq' }];
    const text = markdownOf(report([result([row('Kaje', [1])])], { missing, scale: 0.1 }));
    expect(text).to.include(machineLine(machine));
    expect(text).to.include(
      'Medians of 3 alternating rounds (lowest to highest), counts times 0.1',
    );
    expect(text).to.include('- Kaje 1.2.3: as Kaje comes.');
    expect(text).to.include('- RQ: `apt-get install python3-rq`');
  });

  it('admits that other programs disturbed, unless they hardly did', () => {
    const disturbed = (others: number[]) => markdownOf(report([result([], { others })]));
    expect(disturbed([0.02, 0.314])).to.include('took up to 31 % of the machine');
    expect(disturbed([0.02, 0])).not.to.include('disturbed');
  });

  it('names date, commit, machine and versions', () => {
    expect(machineLine(machine)).to.equal(
      '2026-11-23 01:26 UTC, commit abc1234+; 2 cores of A Processor, 24 GB, Linux 6; ' +
        'Node v20.0.0, Redis 7.0.15, load before 0.5',
    );
  });
});
