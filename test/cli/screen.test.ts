import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { openScreen } from '../../cli/screen.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';

/** A terminal of 40 columns and 5 rows, and everything that was written to it. */
function openTestScreen() {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => raw.push(isRaw),
  }) as unknown as NodeJS.ReadStream & PassThrough;
  const stdout = Object.assign(new PassThrough(), {
    isTTY: true,
    columns: 40,
    rows: 5,
  }) as unknown as NodeJS.WriteStream & PassThrough;
  let written = '';
  stdout.on('data', (text) => (written += text));
  const seen = { quits: 0, resizes: 0 };
  const listeners = () => process.listenerCount('SIGINT') + process.listenerCount('exit');
  const before = listeners();
  const screen = openScreen({
    stdin,
    stdout,
    quit: () => void seen.quits++,
    resized: () => void seen.resizes++,
  });
  let isOpen = true;
  const close = () => {
    if (isOpen) screen.close();
    isOpen = false;
  };
  defer(close);
  const leftListeners = () => listeners() - before;
  return { screen, close, raw, stdin, stdout, seen, written: () => written, leftListeners };
}

const ESC = '\u001b';

describe('the screen of kaje top', () => {
  it('leaves the terminal as it found it', async () => {
    const { close, raw, written, leftListeners, stdin } = openTestScreen();
    await eventually(() => written().includes(`${ESC}[?1049h`) && written().includes('[?25l'));
    close();
    await eventually(() => written().endsWith(`${ESC}[?25h${ESC}[?1049l`));
    expect(raw).to.deep.equal([true, false]);
    expect(leftListeners()).to.equal(0);
    expect(stdin.isPaused()).to.equal(true);
  });

  it('draws over what is there, line by line, and never clears the whole of it', async () => {
    const { screen, written } = openTestScreen();
    const opened = written().length;
    screen.draw(['one', 'two']);
    await eventually(() => written().length > opened);
    const drawn = written().slice(written().indexOf(`${ESC}[H`));
    expect(drawn).to.equal(`${ESC}[Hone${ESC}[K\r\ntwo${ESC}[K${ESC}[J`);
  });

  it('does not use the last column', () => {
    const { screen } = openTestScreen();
    expect(screen.size()).to.deep.equal({ columns: 39, rows: 5 });
  });

  for (const [title, key] of [
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
    ['q among other keys', 'xq'],
  ] as const) {
    it(`is left by ${title}`, async () => {
      const { stdin, seen } = openTestScreen();
      stdin.write('x');
      stdin.write(key);
      await eventually(() => seen.quits === 1);
    });
  }

  it('hears that its size has changed', () => {
    const { stdout, seen } = openTestScreen();
    stdout.emit('resize');
    expect(seen.resizes).to.equal(1);
  });
});
