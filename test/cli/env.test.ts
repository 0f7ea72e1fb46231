import { expect } from 'chai';
import { envOf, readEnv } from '../../cli/env.ts';
import { loadConfig, SETTINGS } from '../../shared/config.ts';

describe('the environment of the processes that kaje start runs', () => {
  it('hands every setting on, and reads no secret from its file again', () => {
    const config = loadConfig({
      ...{ KAJE_REDIS_URL: 'redis://:pw@h:1/2', KAJE_PREFIX: 'p', KAJE_HOST: '::1' },
      ...{ KAJE_PORT: '0', KAJE_MAX_CONNECTIONS: '7', KAJE_MAX_BODY_BYTES: '8' },
      ...{ KAJE_QUEUE_MAX_LENGTH: '9', KAJE_CONCURRENCY: '3', KAJE_GRACE: '0.5' },
      ...{ KAJE_HEALTH_HOST: '0.0.0.0', KAJE_HEALTH_PORT: '1', KAJE_RESULT_EXPIRES: '2' },
      ...{ KAJE_RESULTS_MAX: '3', KAJE_RESULT_MAX_BYTES: '4', KAJE_LOG_LEVEL: 'warn' },
      ...{ KAJE_LOG_FORMAT: 'json', KAJE_ROUTES: 'mail.*=mail,*=rest' },
    });
    const files = Object.fromEntries(
      Object.values(SETTINGS).map(({ env }) => [`${env}_FILE`, '/nope']),
    );
    expect(loadConfig(readEnv({ ...files, ...envOf(config) }))).to.deep.equal(config);
  });
});
