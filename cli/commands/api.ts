import { Command } from 'commander';
import { configOf, withSettings } from '../options.ts';

export function apiCommand(): Command {
  const command = new Command('api').description('serve the HTTP API');
  withSettings(
    command,
    'host',
    'port',
    'redisUrl',
    'redisCa',
    'redisCert',
    'redisKey',
    'prefix',
    'queueMaxLength',
    'redisMemoryLimit',
    'routes',
    'maxBodyBytes',
    'maxConnections',
    'logLevel',
    'logFormat',
  );
  return command.action(async () => {
    // Imported here: a command that only asks need not load a server.
    const { runApi } = await import('../../api/main.ts');
    await runApi(configOf(command));
  });
}
