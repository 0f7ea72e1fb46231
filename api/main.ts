/** The API process: settings, server, signals. */
import type { Config } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import { endOnUncaught, stopOnSignals } from '../shared/signals.ts';
import { startApi } from './server.ts';

/** Serves the API until a signal ends it. */
export async function runApi(config: Config): Promise<void> {
  const log = createLog(config, 'api');
  endOnUncaught(log);
  const api = await startApi(config, log);
  stopOnSignals(api.stop, log);
  // `kaje start` waits for it.
  process.send?.({ url: api.url });
}
