// Works tasks off until it is told to end.
import { boss } from './boss.mjs';

await boss.work('bench', { batchSize: 1000, pollingIntervalSeconds: 0.5 }, async () => 1);
process.on('SIGTERM', () => process.exit(0));
