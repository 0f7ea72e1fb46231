/** What a Redis is asked: the commands that name a prefix, as MONITOR shows them. */
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { testRedisUrl } from './redis.ts';

/**
 * The commands, lower case and in order, that clients sent during `action` and that name `prefix`;
 * also MULTI and EXEC, whoever sent them; not those that scripts call.
 */
export async function commandsDuring(
  prefix: string,
  action: () => Promise<unknown>,
): Promise<string[]> {
  const redis = new Redis(testRedisUrl());
  const monitor = await redis.monitor();
  const seen: string[] = [];
  let hasEnded = false;
  const end = `end of ${prefix}`;
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (args.includes(end)) hasEnded = true;
    if (source === 'lua' || hasEnded) return;
    const command = args[0]?.toLowerCase() ?? '';
    const isOurs = args.some((arg) => arg.startsWith(prefix)) || /^(multi|exec)$/.test(command);
    if (isOurs) seen.push(command);
  });
  try {
    await action();
    await redis.echo(end);
    await eventually(() => hasEnded);
    return seen;
  } finally {
    monitor.disconnect();
    redis.disconnect();
  }
}
