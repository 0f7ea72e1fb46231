import { expect } from 'chai';
import { createChildLog } from '../../../worker/pools/childLog.ts';

function testLog() {
  const written: string[] = [];
  const clock = { ms: 0 };
  const { log, end } = createChildLog(
    ({ level, message }) => written.push(`${level} ${message}`),
    () => clock.ms,
  );
  const write = (lines: number) => {
    for (let i = 0; i < lines; i++) log.info('line');
  };
  return { log, end, write, written, clock };
}

describe('the log of a child', () => {
  it('keeps errors inside of its fields', () => {
    const written: unknown[] = [];
    const { log } = createChildLog((line) => written.push(...line.fields));
    log.warn('gave up', { why: [new RangeError('too far')] });
    const [[name, json]] = written as [[string, string]];
    expect(name).to.equal('why');
    expect(JSON.parse(json)[0]).to.include({ type: 'RangeError', message: 'too far' });
  });
});

describe('the log of a task in a child', () => {
  it('keeps so many lines of a second, and says how many it left out', () => {
    const { write, written, clock, log } = testLog();
    write(5007);
    expect(written).to.have.length(5000);
    clock.ms = 999;
    write(1);
    expect(written).to.have.length(5000);
    clock.ms = 1000;
    log.error('next');
    expect(written.slice(5000)).to.deep.equal([
      'warn 8 log lines were left out: at most 5000 a second are kept',
      'error next',
    ]);
  });

  it('says at the end what it left out, if anything', () => {
    const { write, written, end } = testLog();
    write(5000);
    end();
    expect(written).to.have.length(5000);
    write(5001);
    end();
    expect(written.at(-1)).to.match(/^warn 1 log lines were left out/);
  });
});
