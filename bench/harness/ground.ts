/** What peers stand on, from the start of a run to its end. */
import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ground } from './peer.ts';
import { type BenchPostgres, startBenchPostgres } from './postgres.ts';
import { startBenchRedis } from './redis.ts';

/** Calls `use`, and ends what was started for it, however that goes. */
export async function onGround(
  say: (line: string) => void,
  use: (ground: Ground) => Promise<void>,
): Promise<void> {
  const redis = await startBenchRedis(say);
  const dir = await mkdtemp(join(tmpdir(), 'kaje-bench-'));
  // PostgreSQL has its folder in it, and is somebody else.
  await chmod(dir, 0o711);
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  let started: Promise<BenchPostgres> | undefined;
  const postgres = () => {
    started ??= startBenchPostgres(dir);
    return started;
  };
  try {
    await use({ redis, postgres, dir });
  } finally {
    await started?.then(({ stop }) => stop()).catch(() => undefined);
    await redis.stop();
  }
}
