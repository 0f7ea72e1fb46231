import { expect } from 'chai';
import { type Ready, welcome } from '../../cli/welcome.ts';

const task = (name: string, ...required: string[]) => ({ name, input: { required } });

const USUAL: Ready = {
  url: 'http://127.0.0.1:8000',
  tasks: [task('add'), task('execute_slow_stuff')],
  origin: 'Redis 7',
  config: { redisUrl: 'redis://127.0.0.1:6379', prefix: 'kaje' },
};

describe('the welcome of kaje start', () => {
  it('shows the sample task where it is served', () => {
    const text = welcome(USUAL);
    expect(text).to.include('-d \'{"name": "execute_slow_stuff", "kwargs": {"rows": 30000000}, ');
    expect(text).to.include("curl -s 'http://127.0.0.1:8000/v1/tasks/first?wait=60'");
  });

  it('shows the first task else, and where its input is described', () => {
    const text = welcome({ ...USUAL, tasks: [{ name: 'mail.send', input: null }, task('report')] });
    expect(text).to.include('-d \'{"name": "mail.send", "kwargs": {}}\'');
    expect(text).to.match(/kwargs: \S+:8000\/v1\/registry\/mail\.send and \S+:8000\/docs\n/);
    expect(text).not.to.include('slow').and.not.to.include('"task_id"');
  });

  it('shows the task that needs least, and what it needs', () => {
    const tasks = [task('mail.send', 'to', 'subject'), task('report', 'day')];
    expect(welcome({ ...USUAL, tasks })).to.include(
      `-d '{"name": "report", "kwargs": {"day": <day>}}'`,
    );
  });

  it('says nothing of settings where all is where commands look for it', () => {
    expect(welcome(USUAL)).not.to.include('KAJE_');
  });

  it('says how other commands find what is elsewhere', () => {
    const config = { redisUrl: 'redis://127.0.0.1:40001', prefix: 'shop' };
    expect(welcome({ ...USUAL, config })).to.include(
      '\n  export KAJE_REDIS_URL=redis://127.0.0.1:40001 KAJE_PREFIX=shop\n',
    );
    expect(welcome({ ...USUAL, url: 'http://127.0.0.1:9000' })).to.include(
      '\n  export KAJE_URL=http://127.0.0.1:9000\n',
    );
  });

  it('prints no password', () => {
    const redisUrl = 'redis://:secret@10.0.0.1:6379';
    const text = welcome({ ...USUAL, config: { ...USUAL.config, redisUrl } });
    expect(text).to.include('redis://***@10.0.0.1:6379').and.not.to.include('secret');
  });

  it('gives an address that can be asked when the API listens on all of them', () => {
    const text = welcome({ ...USUAL, url: 'http://0.0.0.0:8000' });
    expect(text).to.include('curl -s http://127.0.0.1:8000/').and.not.to.include('0.0.0.0:8');
  });
});
