import { expect } from 'chai';
import { flagOf, loadConfig, SETTINGS } from '../../shared/config.ts';
import { DefinitionError } from '../../shared/errors.ts';

describe('the settings', () => {
  it('are the defaults where nothing is given', () => {
    const defaults = Object.entries(SETTINGS).map(([key, entry]) => [key, entry.default]);
    expect(loadConfig({})).to.deep.equal(Object.fromEntries(defaults));
  });

  it('are frozen', () => {
    expect(loadConfig({})).to.be.frozen;
  });

  it('have defaults that their own checks accept', () => {
    const env = Object.values(SETTINGS).map((entry) => [entry.env, String(entry.default)]);
    expect(loadConfig(Object.fromEntries(env))).to.deep.equal(loadConfig({}));
  });

  it('are read from variables, whose empty text counts as not given', () => {
    const env = { KAJE_PORT: '81', KAJE_GRACE: '0.5', KAJE_LOG_LEVEL: 'debug', KAJE_HOST: '' };
    const config = loadConfig(env);
    expect(config).to.include({ port: 81, grace: 0.5, logLevel: 'debug', host: '127.0.0.1' });
  });

  it('may say "auto" where a number of processes is expected', () => {
    expect(loadConfig({ KAJE_PROCESSES: 'auto' }).processes).to.equal('auto');
    expect(loadConfig({ KAJE_PROCESSES: '4' }).processes).to.equal(4);
  });

  it('refuse a soft time limit that the hard one leaves no room', () => {
    const env = { KAJE_SOFT_TIME_LIMIT: '60', KAJE_TIME_LIMIT: '60', KAJE_PORT: 'x' };
    expect(() => loadConfig(env)).to.throw(
      DefinitionError,
      /--port .*\nExpected the soft time limit to be below the hard one, got 60 s and 60 s \(KAJE_/,
    );
    expect(loadConfig({ ...env, KAJE_TIME_LIMIT: '', KAJE_PORT: '' }).softTimeLimit).to.equal(60);
  });

  it('let what the code gives win over variables', () => {
    expect(loadConfig({ KAJE_PORT: '81' }, { port: 82 }).port).to.equal(82);
  });

  const wrong: readonly [variable: string, value: string][] = [
    ['KAJE_REDIS_URL', 'localhost:6379'],
    ['KAJE_PREFIX', 'two words'],
    ['KAJE_HOST', 'http://here'],
    ['KAJE_PORT', 'http'],
    ['KAJE_PORT', '65536'],
    ['KAJE_PORT', '-1'],
    ['KAJE_PORT', '80.5'],
    ['KAJE_PORT', ' '],
    ['KAJE_HEALTH_PORT', '70000'],
    ['KAJE_MAX_CONNECTIONS', '0'],
    ['KAJE_MAX_BODY_BYTES', '1MB'],
    ['KAJE_QUEUE_MAX_LENGTH', '-1'],
    ['KAJE_CONCURRENCY', '0'],
    ['KAJE_CONCURRENCY', '10001'],
    ['KAJE_PROCESSES', '0'],
    ['KAJE_PROCESSES', '1.5'],
    ['KAJE_PROCESSES', 'many'],
    ['KAJE_AUTOSCALE', '3,10'],
    ['KAJE_AUTOSCALE', 'on'],
    ['KAJE_GRACE', '-1'],
    ['KAJE_GRACE', 'Infinity'],
    ['KAJE_RESULT_EXPIRES', '0'],
    ['KAJE_RESULTS_MAX', 'many'],
    ['KAJE_RESULT_MAX_BYTES', '0'],
    ['KAJE_LOG_LEVEL', 'verbose'],
    ['KAJE_LOG_FORMAT', 'JSON'],
  ];
  for (const [variable, value] of wrong) {
    it(`refuse "${value}" as ${variable}, by flag, variable and what is expected`, () => {
      const expected = Object.values(SETTINGS).find(({ env }) => env === variable)?.expected;
      const load = () => loadConfig({ [variable]: value });
      const message = `Expected ${flagOf(variable)} (${variable}) to be ${expected}, got "${value}"`;
      expect(load).to.throw(DefinitionError, message);
    });
  }

  it('name every wrong one at once', () => {
    const load = () => loadConfig({ KAJE_PORT: 'x', KAJE_GRACE: 'y', KAJE_LOG_LEVEL: 'z' });
    expect(load).to.throw(/KAJE_PORT.*\n.*KAJE_GRACE.*\n.*KAJE_LOG_LEVEL/);
  });

  for (const url of ['http://kaje:s3cret@host', 'kaje:s3cret@host:6379', 'host?password=s3cret']) {
    it(`do not show the password of a wrong one: ${url}`, () => {
      expect(() => loadConfig({ KAJE_REDIS_URL: url })).to.throw(DefinitionError, /got ".*\*\*\*/);
      expect(() => loadConfig({ KAJE_REDIS_URL: url })).not.to.throw(/s3cret/);
    });
  }

  it('have flags of the same name as their variables', () => {
    expect(flagOf('KAJE_HEALTH_PORT')).to.equal('--health-port');
  });

  it('have each a variable of its own and a description', () => {
    const entries = Object.values(SETTINGS);
    expect(new Set(entries.map(({ env }) => env))).to.have.property('size', entries.length);
    for (const { env, doc } of entries) {
      expect(env).to.match(/^KAJE_[A-Z_]+$/);
      expect(doc).not.to.equal('');
    }
  });
});
