// pg-boss with its queue.
import PgBoss from 'pg-boss';

export const boss = new PgBoss(process.env.BENCH_PG_URL);
boss.on('error', (error) => console.error(error));
await boss.start();
await boss.createQueue('bench');
