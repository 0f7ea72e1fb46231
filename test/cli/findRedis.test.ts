import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findRedisServer } from '../../cli/findRedis.ts';
import { defer } from '../support/defer.ts';

/** A folder with a Redis that only tells its version. */
async function folderWith(version: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kaje-find-'));
  defer(() => rm(dir, { recursive: true }));
  const program = `#!/bin/sh\necho "Redis server v=${version} sha=00000000:0"\n`;
  await writeFile(join(dir, 'redis-server'), program, { mode: 0o755 });
  return dir;
}

const VERSIONS: readonly (readonly [version: string, isTaken: boolean])[] = [
  ['5.0.7', false],
  ['6.0.16', false],
  ['6.2.0', true],
  ['7.0.15', true],
  ['10.0.0', true],
];

describe('the search for a Redis', () => {
  for (const [version, isTaken] of VERSIONS) {
    it(`${isTaken ? 'takes' : 'passes over'} version ${version}`, async () => {
      const dir = await folderWith(version);
      const found = await findRedisServer({ home: dir, log() {}, env: { PATH: dir } });
      expect(found?.version).to.equal(isTaken ? version : undefined);
    });
  }
});
