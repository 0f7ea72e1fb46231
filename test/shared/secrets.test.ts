import { expect } from 'chai';
import { withoutSecrets } from '../../shared/secrets.ts';

const TABLE: readonly (readonly [url: string, shown: string])[] = [
  ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
  ['redis://host/3?family=6', 'redis://host/3?family=6'],
  ['redis://:s3cret@host', 'redis://***@host'],
  ['rediss://kaje:s3cret@host:6379/1', 'rediss://***@host:6379/1'],
  ['redis://kaje:s3@cr@et@host', 'redis://***@host'],
  ['redis://kaje:s3/cr?et#@host', 'redis://***@host'],
  ['redis://host?password=s3cret', 'redis://host?password=***'],
  [
    'redis://host?username=kaje&PASSWORD=s3cret&db=1',
    'redis://host?username=***&PASSWORD=***&db=1',
  ],
  ['kaje:s3cret@host:6379', '***@host:6379'],
  ['redis:/kaje:s3cret@host', '***@host'],
  ['unix:/run/redis.sock', 'unix:/run/redis.sock'],
  ['unix:///run/redis@1.sock?password=s3cret', 'unix://***@1.sock?password=***'],
  ['/run/redis@1.sock', '/run/redis@1.sock'],
  ['80.5', '80.5'],
  ['', ''],
];

describe('a text without its secrets', () => {
  for (const [url, shown] of TABLE) {
    it(`shows "${url}" as "${shown}"`, () => {
      expect(withoutSecrets(url)).to.equal(shown);
    });
  }
});
