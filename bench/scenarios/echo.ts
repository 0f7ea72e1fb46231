/** The bare Koa server that stands beside Kaje's API. */
import { readFileSync } from 'node:fs';
import { BENCH, ROOT } from '../harness/places.ts';
import { type Posting, postTo } from '../harness/posting.ts';
import type { Bench, Contestant } from '../harness/scenario.ts';

export function koaEcho(bench: Bench, posting: Posting): Contestant {
  const server = { command: process.execPath, args: [`${BENCH}load/echo.mjs`] };
  const { version } = JSON.parse(readFileSync(`${ROOT}node_modules/koa/package.json`, 'utf8'));
  return {
    name: 'Koa echo',
    peer: 'koa',
    settings: `bare Koa ${version} that parses the same body and answers it; stores nothing`,
    run: () => postTo(bench, server, { posting }),
  };
}
