/** Kaje is measured as built code, built for this run alone: nobody builds it anew meanwhile. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BENCH, ROOT } from './places.ts';

/** Answers the folder in which `dist` lies; it goes when this process ends. */
export async function buildKaje(say: (line: string) => void): Promise<string> {
  // Within the project's folder, where it finds its packages.
  const folder = `${BENCH}results/.kaje-${process.pid}`;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  say('building Kaje ...');
  await mkdir(folder, { recursive: true });
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const build = ['scripts/build.mjs', join(folder, 'dist')];
  await promisify(execFile)(process.execPath, build, { cwd: ROOT }).catch((error) => {
    throw new Error(`Kaje could not be built:\n${error.stdout}${error.stderr}`);
  });
  return folder;
}
