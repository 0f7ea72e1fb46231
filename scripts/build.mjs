// `node scripts/build.mjs [folder [tsconfig]]`: makes the JavaScript that is published, in dist or elsewhere.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const [, , out = 'dist', config = 'tsconfig.build.json'] = process.argv;
rmSync(out, { recursive: true, force: true });
compile();
copyScripts();
chmodSync(`${out}/cli/main.js`, 0o755);

function compile() {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', config, '--outDir', out];
  try {
    execFileSync(process.execPath, tsc, { stdio: 'inherit' });
  } catch {
    process.exit(1);
  }
}

function copyScripts() {
  cpSync('shared/lua', `${out}/shared/lua`, { recursive: true });
}
