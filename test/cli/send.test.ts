import { expect } from 'chai';
import { all } from '../client/tasks.ts';
import { startApiAlone } from '../support/stack.ts';
import { runKaje } from '../support/worker.ts';

describe('kaje send', () => {
  it('hands on priority, expiry and limits, and says what is wrong with them', async () => {
    const { api, redis } = await startApiAlone(all);
    const kaje = async (...args: string[]) => {
      const { output, ended } = runKaje(['send', 'add', ...args, '--url', api.url]);
      return { code: await ended, text: output() };
    };
    const limits = ['--time-limit', '5', '--soft-time-limit', '0.5'];
    const flags = ['--args', '[1,2]', '--priority', '0', '--task-id', 'x', '--json'];
    const [sent, seconds, high, late, upside] = await Promise.all([
      kaje(...flags, ...limits, '--expires', '2035-01-02T03:04:05+01:00'),
      kaje('--args', '[1,2]', '--expires', '60', '--json'),
      kaje('--args', '[1,2]', '--priority', '10'),
      kaje('--args', '[1,2]', '--expires', 'tomorrow'),
      kaje('--args', '[1,2]', '--time-limit', '1', '--soft-time-limit', '1'),
    ]);
    expect(JSON.parse(sent.text)).to.include({ priority: 0, expires: '2035-01-02T02:04:05.000Z' });
    const stored = await redis.hget(`${api.config.prefix}:default:x`, 'data');
    expect(JSON.parse(stored ?? '')).to.include({ time_limit: 5, soft_time_limit: 0.5 });
    const { sent_at: at, expires } = JSON.parse(seconds.text);
    expect(Date.parse(expires) - Date.parse(at)).to.equal(60_000);
    expect(high.text).to.match(/priority.*<= 9/);
    expect(late.text).to.contain('Expected a time with its zone');
    expect(upside.text).to.contain('soft time limit to be below the hard one');
    const codes = [sent, seconds, high, late, upside].map(({ code }) => code);
    expect(codes).to.deep.equal([0, 0, 2, 2, 2]);
  });
});
