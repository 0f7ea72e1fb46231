/** Mocha's usual output; beside it, one line of JSON for each test, in the file that `told` names. */
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import mocha from 'mocha';

/** What became of one test or hook, or that all files were run. */
export type Told =
  | { readonly file: string; readonly outcome: 'passed' | 'failed' }
  | { readonly outcome: 'ended' };

export default class Reporter extends mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const tell = (told: Told) =>
      appendFileSync(options.reporterOptions.told, `${JSON.stringify(told)}\n`);
    let current = '';
    const fileOf = (test: Mocha.Runnable, error?: { file?: string }): string => {
      // A hook of all files belongs to none, and a process that died has no test: then to the file under way.
      const file = test.file ?? error?.file ?? current;
      return relative(process.cwd(), file);
    };
    runner.on('test', ({ file = '' }) => {
      current = file;
    });
    runner.on('pass', (test) => tell({ file: fileOf(test), outcome: 'passed' }));
    runner.on('fail', (test, error) => tell({ file: fileOf(test, error), outcome: 'failed' }));
    runner.on('end', () => tell({ outcome: 'ended' }));
  }
}
