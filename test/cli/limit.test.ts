import { expect } from 'chai';
import { defineTask } from '../../client/index.ts';
import type { TestApi } from '../support/api.ts';
import { startApiAlone } from '../support/stack.ts';
import { runKaje } from '../support/worker.ts';

const geocode = defineTask('geocode', {
  rateLimit: '50/s',
  unique: { key: ['address'] },
  run: (input: { address: string }) => input.address,
});

describe('kaje limit', () => {
  let api: TestApi;

  beforeEach(async () => {
    ({ api } = await startApiAlone([geocode]));
  });

  const kaje = async (...args: string[]) => {
    const { output, ended } = runKaje([...args, '--url', api.url]);
    return { code: await ended, text: output() };
  };

  it('sets limits, shows what is set, and gives each back to the task', async () => {
    const set = await kaje('limit', 'geocode', '--rate', '10/s', '--concurrency', '2');
    expect(set.text).to.equal('geocode: rate limit 10/s, max concurrency 2\n');
    const less = await kaje('limit', 'geocode', '--concurrency', 'own', '--soft-time-limit', '0');
    expect(less.text).to.equal('geocode: rate limit 10/s, soft time limit none\n');
    const none = await kaje('limit', 'geocode', '--rate', 'own', '--soft-time-limit', 'own');
    expect(none.text).to.equal("geocode: the task's own limits\n");
    expect([set.code, less.code, none.code]).to.deep.equal([0, 0, 0]);
  });

  it('exits with 2 for what is no limit, and with 1 for a task that is not there', async () => {
    expect((await kaje('limit', 'geocode', '--rate', 'often')).code).to.equal(2);
    expect((await kaje('limit', 'geocode', '--concurrency', 'few')).code).to.equal(2);
    expect((await kaje('limit', 'nobody', '--rate', '1/s')).code).to.equal(1);
  });

  it('has its limits and what else the task says in kaje registry', async () => {
    const lines = (await kaje('registry', 'geocode')).text.split('\n');
    expect(lines.find((line) => line.startsWith('rate limit'))).to.match(/ {2}50\/s$/);
    const unique = lines.find((line) => line.startsWith('unique'));
    expect(unique).to.match(/ {2}\{"key":\["address"\],"ttl":3600\}$/);
  });
});
