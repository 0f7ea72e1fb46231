import { Command } from 'commander';
import type { Finding } from '../checks.ts';
import { FAILED } from '../exitCodes.ts';
import { configOf, urlOption, withSettings } from '../options.ts';
import { colour, print, printJson } from '../output.ts';

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('check Redis, the API and the workers, and say what to do')
    .addOption(urlOption('API to check'))
    .option('--json', 'print JSON for programs');
  withSettings(
    command,
    'redisUrl',
    'redisCa',
    'redisCert',
    'redisKey',
    'prefix',
    'redisMemoryLimit',
  );
  return command.action(async ({ url, json }: { url: string; json?: boolean }) => {
    // ioredis and pino take 0.1 s to load: other commands do without.
    const { examine } = await import('../examine.ts');
    const findings = await examine(configOf(command), url);
    if (json) printJson({ checks: findings });
    else report(findings);
    if (findings.some(({ status }) => status === 'fail')) process.exitCode = FAILED;
  });
}

const MARKS = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const;

function report(findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const { check, status, found, advice } of findings) {
    const [style, mark] = MARKS[status];
    print(`${colour(style, mark)}  ${check.padEnd(width)}  ${found}`);
    if (advice !== undefined) print(`${' '.repeat(width + 8)}-> ${advice}`);
  }
}
