import { expect } from 'chai';
import { InvalidArgumentError } from 'commander';
import { secondsFlag, waitFlag } from '../../cli/options.ts';

for (const [name, flag] of Object.entries({ secondsFlag, waitFlag })) {
  describe(`${name}`, () => {
    it('takes seconds from 0 on, in parts as well', () => {
      for (const text of ['0', '0.5', '10']) expect(flag(text), text).to.equal(Number(text));
    });

    it('refuses what is none', () => {
      for (const text of ['-1', '', ' ', 'soon', '1s'])
        expect(() => flag(text), text).to.throw(
          InvalidArgumentError,
          'Expected seconds, 0 or more',
        );
    });
  });
}
