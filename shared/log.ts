/** The logger of a process: one JSON object a line, or coloured lines on a terminal. */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';
import { isError, messageOf } from './errorText.ts';
import { logLine } from './logLine.ts';

export type Log = Logger;

export function createLog(config: Pick<Config, 'logLevel' | 'logFormat'>, name: string): Log {
  const options = { name, level: config.logLevel, serializers: { err: withoutCommand } };
  return pino(options, formatOf(config.logFormat) === 'pretty' ? prettyStream() : jsonStream());
}

const LEVEL_AT = '{"level":'.length;
/** Characters that wait for the end of a turn. */
const LINES_MAX = 64 * 1024;

let stdout: ReturnType<typeof createJsonStream> | undefined;

/** One of the process, whatever number of logs it has. */
function jsonStream() {
  stdout ??= createJsonStream();
  return stdout;
}

/**
 * The lines of one turn of the event loop with one write: a busy worker wrote each by itself, which
 * cost a sixth of its time. At an exit nothing is left behind.
 */
function createJsonStream() {
  const out = pino.destination({ dest: 1, sync: true });
  let lines = '';
  const flush = (): void => {
    const text = lines;
    lines = '';
    if (text !== '') out.write(text);
  };
  process.on('exit', flush);
  return {
    flush,
    write(line: string) {
      if (lines === '') setImmediate(flush);
      lines += line;
      // Pino begins each line with its level, 30 for info: of a crash, the last words count.
      if (line.charAt(LEVEL_AT) > '3' || lines.length > LINES_MAX) flush();
    },
  };
}

/** Writes what waits for the end of this turn: whoever logs may compute for long. */
export function flushLogs(): void {
  stdout?.flush();
}

/** How lines are written, where nobody has said it by what reads them. */
export function formatOf(format: Config['logFormat']): 'json' | 'pretty' {
  if (format !== 'auto') return format;
  return process.stdout.isTTY === true ? 'pretty' : 'json';
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
  if (!isError(error)) return error;
  const { command: _, args: __, ...rest } = { ...pino.stdSerializers.err(error) };
  // Of an AggregateError it may be empty.
  return { ...rest, message: rest.message || messageOf(error) };
}
