/** A terminal as a screen: drawn whole without flicker, and left as it was found. */
import type { Size } from './topFrame.ts';

export interface Screen {
  /** What may be drawn on. */
  size(): Size;
  /** Draws lines from the top; there must be no more of them than rows. */
  draw(lines: readonly string[]): void;
  close(): void;
}

export interface ScreenOptions {
  /** q, Ctrl-C, or a signal that ends the process. */
  quit(): void;
  resized(): void;
  /** Default: those of the process. */
  readonly stdin?: NodeJS.ReadStream;
  readonly stdout?: NodeJS.WriteStream;
}

const ESC = '\u001b';
/** The alternate screen, without a cursor; nothing of it stays in the terminal's history. */
const OPEN = `${ESC}[?1049h${ESC}[?25l${ESC}[2J`;
const CLOSE = `${ESC}[?25h${ESC}[?1049l`;
/** Each line overwrites the one before and clears what is left of it: nothing is blank in between. */
const HOME = `${ESC}[H`;
const CLEAR_LINE = `${ESC}[K`;
const CLEAR_BELOW = `${ESC}[J`;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Ctrl-C comes as a key while a terminal is raw. */
const QUIT_KEYS = ['q', 'Q', '\u0003'];

export function openScreen(options: ScreenOptions): Screen {
  const { quit, resized, stdin = process.stdin, stdout = process.stdout } = options;
  const onKey = (keys: Buffer) => {
    if (QUIT_KEYS.some((key) => keys.includes(key))) quit();
  };
  const restore = () => stdout.write(CLOSE);
  stdout.write(OPEN);
  // Also when something throws: a terminal without a cursor is no place to read why.
  process.once('exit', restore);
  stdout.on('resize', resized);
  for (const signal of SIGNALS) process.on(signal, quit);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onKey);
  return {
    // Not the last column: behind it, terminals differ in what a cleared line is.
    size: () => ({ columns: (stdout.columns || 80) - 1, rows: stdout.rows || 24 }),
    draw(lines) {
      const text = lines.map((line) => line + CLEAR_LINE).join('\r\n');
      stdout.write(HOME + text + CLEAR_BELOW);
    },
    close() {
      process.off('exit', restore);
      stdout.off('resize', resized);
      for (const signal of SIGNALS) process.off(signal, quit);
      stdin.off('data', onKey);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      restore();
    },
  };
}
