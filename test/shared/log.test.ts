import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { testRedisUrl } from '../support/redis.ts';

const ROOT = new URL('../..', import.meta.url);

/** What a process writes that logs an error of ioredis, as it comes from a command with data. */
async function logged(logFormat: 'json' | 'pretty'): Promise<string> {
  const program = `
    import { Redis } from 'ioredis';
    import { createLog } from './shared/log.ts';
    const redis = new Redis(${JSON.stringify(testRedisUrl())});
    const error = await redis.call('SET', 'key', 's3cret', 'NONSENSE').catch((reason) => reason);
    if (!JSON.stringify(error).includes('s3cret')) throw new Error('nothing to hide');
    const log = createLog({ logLevel: 'info', logFormat: '${logFormat}' }, 'test');
    log.error({ err: error }, 'it failed');
    log.child({ of: 'a child' }).error({ err: Object.assign(error, { code: 7 }) }, 'again');
    log.info({ err: 'a text' }, 'no error');
    redis.disconnect();`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  return (await promisify(execFile)(process.execPath, args, { cwd: ROOT })).stdout;
}

describe('the log', () => {
  it('tells an error of Redis with its stack, but not the data of the command', async () => {
    const lines = (await logged('json')).trim().split('\n');
    const [first, second, third] = lines.map((line) => JSON.parse(line));
    expect(first).to.include({ name: 'test', level: 50, msg: 'it failed' });
    expect(first.err).to.have.keys('type', 'message', 'stack');
    expect(first.err.stack).to.include('syntax error');
    expect(second).to.deep.include({ of: 'a child', err: { ...first.err, code: 7 } });
    expect(third.err).to.equal('a text');
    expect(lines.join()).not.to.include('s3cret');
  });

  it('does so for people too', async () => {
    const text = await logged('pretty');
    expect(text).to.include('it failed').and.to.include('syntax error');
    expect(text).not.to.include('s3cret');
  });
});
