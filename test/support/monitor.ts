/** What a Redis is asked: the commands that name a prefix, as MONITOR shows them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { testRedisUrl } from './redis.ts';

interface Seen {
  /** Lower case. */
  readonly command: string;
  readonly source: string;
  readonly isOurs: boolean;
}

/**
 * The commands, lower case and in order, that clients sent during `action` and that name `prefix`;
 * also the MULTI and EXEC of these clients; not those that scripts call.
 */
export async function commandsDuring(
  prefix: string,
  action: () => Promise<unknown>,
): Promise<string[]> {
  const seen: Seen[] = [];
  const end = `end of ${prefix}`;
  let hasEnded = false;
  const monitor = await startMonitor((source, args) => {
    if (args.includes(end)) hasEnded = true;
    if (source === 'lua' || hasEnded) return;
    const isOurs = args.some((arg) => arg.startsWith(prefix));
    seen.push({ command: args[0]?.toLowerCase() ?? '', source, isOurs });
  });
  const redis = new Redis(testRedisUrl());
  try {
    await action();
    await redis.echo(end);
    await eventually(() => hasEnded);
  } finally {
    monitor.destroy();
    redis.disconnect();
  }
  const sources = new Set(seen.filter(({ isOurs }) => isOurs).map(({ source }) => source));
  const isFrame = ({ command, source }: Seen) =>
    /^(multi|exec)$/.test(command) && sources.has(source);
  return seen.filter((each) => each.isOurs || isFrame(each)).map(({ command }) => command);
}

/** By the byte: ioredis takes what MONITOR shows of others for the answer to MONITOR itself. */
async function startMonitor(take: (source: string, args: string[]) => void) {
  const { hostname, port, password } = new URL(testRedisUrl());
  const socket = connect(Number(port || 6379), hostname || '127.0.0.1');
  await once(socket, 'connect');
  const lines = createInterface({ input: socket });
  const answered = once(lines, 'line');
  lines.on('line', (line) => {
    const [, source, rest] = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? [];
    if (source && rest) take(source, argumentsOf(rest));
  });
  socket.write(`${password ? `AUTH ${password}\r\n` : ''}MONITOR\r\n`);
  await answered;
  return socket;
}

/** `"set" "a\"b" "1"` -> set, a"b, 1 */
function argumentsOf(text: string): string[] {
  const quoted = text.matchAll(/"((?:[^"\\]|\\.)*)"/g);
  return [...quoted].map(([, inner = '']) => inner.replaceAll(/\\(["\\])/g, '$1'));
}
