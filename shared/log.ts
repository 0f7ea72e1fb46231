/** The logger of a process: one JSON object a line, or coloured lines on a terminal. */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';
import { logLine } from './logLine.ts';

export type Log = Logger;

export function createLog(config: Pick<Config, 'logLevel' | 'logFormat'>, name: string): Log {
  const options = { name, level: config.logLevel, serializers: { err: withoutCommand } };
  return isPretty(config.logFormat) ? pino(options, prettyStream()) : pino(options);
}

function isPretty(format: Config['logFormat']): boolean {
  return format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true);
}

// In this thread and synchronous: a transport's thread would lose the last lines before an exit.
function prettyStream() {
  return pretty({
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    hideObject: true,
    customColors: 'message:reset',
    useOnlyCustomProps: false,
    ignore: 'pid,hostname',
    customPrettifiers: { time: (time) => String(time), name: (name) => String(name) },
    messageFormat: (entry, _key, _level, { colors }) => logLine(entry, colors),
  });
}

/** An error for the log; ioredis hangs the command on its errors, with what users have sent. */
function withoutCommand(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { command: _, args: __, ...rest } = { ...pino.stdSerializers.err(error) };
  return rest;
}
