import { expect } from 'chai';
import { ago, colour, plain, printResult, tableLines } from '../../cli/output.ts';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { defer } from '../support/defer.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const AGES: readonly (readonly [seconds: number, text: string])[] = [
  [-5, '0 s'],
  [0, '0 s'],
  [119, '119 s'],
  [120, '2 min'],
  [7199, '120 min'],
  [7200, '2 h'],
  [172_800, '2 d'],
];

describe('what commands print', () => {
  for (const [seconds, text] of AGES) {
    it(`calls ${seconds} seconds "${text}"`, () => {
      expect(ago(new Date(NOW - seconds * 1000).toISOString(), NOW)).to.equal(text);
    });
  }

  it('has no colours in a pipe, nor on a terminal against NO_COLOR', () => {
    const { isTTY } = process.stdout;
    const { NO_COLOR } = process.env;
    defer(() => {
      process.stdout.isTTY = isTTY;
      if (NO_COLOR === undefined) delete process.env.NO_COLOR;
      else process.env.NO_COLOR = NO_COLOR;
    });
    process.stdout.isTTY = false;
    expect(colour('red', 'x')).to.equal('x');
    process.stdout.isTTY = true;
    process.env.NO_COLOR = '1';
    expect(colour('red', 'x')).to.equal('x');
  });

  it('lays out a table of any length', () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => [`t${i}`, i]);
    const lines = tableLines(['id', 'n'], rows);
    expect(lines).to.have.length(200_001);
    expect(lines[1]).to.equal('t0            0');
    expect(lines.at(-1)).to.equal('t199999  199999');
  });

  it('lets nothing that a task has written steer the terminal, and keeps its lines', () => {
    const error = {
      type: 'Error',
      message: 'm',
      traceback: `Error: \u001b[2J\u0007\u009b2Jno\n\tat x`,
    };
    const result = {
      task_id: 't',
      name: 'n',
      state: 'FAILURE',
      runtime: 1,
      eta: null,
      ready: true,
    };
    const written = outputOf(() =>
      printResult({ ...result, progress: '\u009b2J', error } as AsyncResultBody),
    );
    expect(written).to.equal('n t FAILURE in 1 s\nprogress "2J"\nError: [2J2Jno\n\tat x\n');
    expect(plain(written)).to.equal(written);
    const success = { ...result, state: 'SUCCESS', progress: null, error: null };
    const value = outputOf(() =>
      printResult({ ...success, result: '\u009b2J\u007f' } as AsyncResultBody),
    );
    expect(plain(value)).to.equal(value);
    expect(JSON.parse(value.split('\n')[1] ?? '')).to.equal('\u009b2J\u007f');
  });
});

/** What is printed meanwhile, instead of being printed. */
function outputOf(act: () => void): string {
  const { write } = process.stdout;
  let written = '';
  process.stdout.write = (text: unknown) => {
    written += text;
    return true;
  };
  try {
    act();
  } finally {
    process.stdout.write = write;
  }
  return written;
}
