import { expect } from 'chai';
import { chartOf } from '../../bench/harness/chart.ts';
import { machine, result, row } from './sample.ts';

const names = (svg: string) =>
  [...svg.matchAll(/<text class="text label[^>]*>([^<]*)/g)].map(([, name]) => name);
const widths = (svg: string) =>
  [...svg.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));

describe('the chart of a benchmark', () => {
  const rows = [row('RQ', [100]), row('Kaje', [400, 200, 300]), row('Broken', [])];

  it('shows the best first, and leaves out who has no result', () => {
    expect(names(chartOf(result(rows), machine))).to.deep.equal(['Kaje', 'RQ']);
    const less = result(rows, { better: 'less' });
    expect(names(chartOf(less, machine))).to.deep.equal(['RQ', 'Kaje']);
  });

  it('makes bars as long as their medians', () => {
    const [kaje = 0, rq = 0] = widths(chartOf(result(rows), machine));
    expect(kaje / rq).to.be.closeTo(3, 0.01);
  });

  it('has room for the longest line and its number', () => {
    const svg = chartOf(result(rows), machine);
    const ends = [...svg.matchAll(/H([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(Math.max(...ends)).to.be.below(760 - 100);
  });

  it('draws a spread only where there are several runs', () => {
    expect(chartOf(result(rows), machine).match(/class="spread"/g)).to.have.length(1);
    const single = chartOf(result([row('Kaje', [1])]), machine);
    expect(single).not.to.include('class="spread"').and.not.to.include('medians');
  });

  it('sets Kaje apart, and escapes what it writes', () => {
    const svg = chartOf(result(rows), machine);
    expect(svg.match(/class="ours"/g)).to.have.length(1);
    expect(svg).to.include('Drain &lt;fast>').and.not.to.include('Drain <fast>');
  });

  it('says what it shows, where it was measured, and has colours for the dark', () => {
    const svg = chartOf(result(rows, { others: [0.5] }), machine);
    expect(svg).to.include('tasks/s; more is better; medians');
    expect(svg).to.include('other programs took up to 50 % of the machine');
    expect(svg).to.include('2 cores of A Processor');
    expect(svg).to.include('prefers-color-scheme: dark');
  });

  it('is a picture even when nobody has a result', () => {
    const svg = chartOf(result([row('Broken', [])]), machine);
    expect(svg)
      .to.match(/^<svg .*height="\d+"/)
      .and.not.to.match(/NaN|Infinity/);
  });
});
