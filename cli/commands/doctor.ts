import { Command } from 'commander';
import { Kaje } from '../../client/index.ts';
import type { Config } from '../../shared/config.ts';
import { createKeys } from '../../shared/keys.ts';
import { createLog } from '../../shared/log.ts';
import {
  answered,
  connectFailingFast,
  disconnect,
  type Redis,
  whenConnected,
} from '../../shared/redis.ts';
import { redisTarget } from '../../shared/redisTarget.ts';
import type { RegistryEntry } from '../../shared/schemas.ts';
import { checkApi, checkQueues, checkRedis, checkWorkers, type Finding } from '../checks.ts';
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
    const findings = await examine(command, url);
    if (json) printJson({ checks: findings });
    else report(findings);
    if (findings.some(({ status }) => status === 'fail')) process.exitCode = FAILED;
  });
}

async function examine(command: Command, url: string): Promise<Finding[]> {
  const config = configOf(command);
  const redis = connectFailingFast(
    redisTarget(config),
    createLog({ logLevel: 'silent', logFormat: 'json' }, 'doctor'),
  );
  const probe = () => answered(redis, redis.get(createKeys(config.prefix).probe));
  try {
    await whenConnected(redis, 2000);
    const found = await checkRedis(redis, config);
    const isReachable = found.every(({ check, status }) => check !== 'redis' || status === 'ok');
    return [
      ...found,
      ...(isReachable ? await checkWorkers(redis, config) : []),
      ...(isReachable ? await examineQueues(redis, config) : []),
      await checkApi(url, isReachable ? probe : undefined),
    ];
  } finally {
    await disconnect(redis);
  }
}

async function examineQueues(redis: Redis, config: Config): Promise<Finding[]> {
  const { prefix } = config;
  const { url, ...tls } = redisTarget(config);
  const kaje = new Kaje({ redis: url, prefix, ...tls });
  try {
    const [queues, tasks] = await Promise.all([kaje.queues(), kaje.registry()]);
    return checkQueues(queues, tasks, await parkedOf(redis, prefix, tasks));
  } finally {
    await kaje.close();
  }
}

/** How many of each task wait for a worker that has it, where no worker alive has. */
async function parkedOf(redis: Redis, prefix: string, tasks: readonly RegistryEntry[]) {
  const keys = createKeys(prefix);
  const unserved = tasks.filter(({ workers }) => workers.length === 0);
  const counts = await Promise.all(
    unserved.map(async ({ name }) => {
      const count = await answered(redis, redis.zcard(keys.parked(name)));
      return [name, count] as const;
    }),
  );
  return new Map(counts.filter(([, count]) => count > 0));
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
