// `node scripts/build.mjs`: makes dist, the JavaScript that is published.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
compile();
copyScripts();
chmodSync('dist/cli/main.js', 0o755);

function compile() {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
  try {
    execFileSync(process.execPath, tsc, { stdio: 'inherit' });
  } catch {
    process.exit(1);
  }
}

function copyScripts() {
  cpSync('shared/lua', 'dist/shared/lua', { recursive: true });
}
