/** Connections that follow a failover: to the Redis that their name leads to now. */
import type { Redis } from 'ioredis';

/** Replies of a Redis that is, or has just become, a replica; those of a script may stand behind its own words. */
const DEMOTED = /(^|-)(READONLY|MASTERDOWN|UNBLOCKED)\b/;
/** Milliseconds between two looks whether another one has taken over. */
const LOOK_MS = 2000;

/**
 * After a failover the old server may keep its connections and refuse all writes, for ever, while its name leads
 * to another one. Where a new connection finds one that takes writes, this one is made anew; a replica in whose
 * place nobody stands goes on answering what only reads.
 * @param onLeave the connection is about to be cut
 */
export function followFailover(redis: Redis, onLeave: () => void): void {
  let lookedAt = Number.NEGATIVE_INFINITY;
  const look = async (): Promise<void> => {
    lookedAt = performance.now();
    if (!(await leadsToMaster(redis)) || redis.status !== 'ready') return;
    onLeave();
    redis.disconnect(true);
  };
  // The one place where ioredis shows all errors that Redis answers, those inside transactions too.
  redis.options.reconnectOnError = ({ message }) => {
    if (DEMOTED.test(message) && performance.now() - lookedAt > LOOK_MS) void look();
    return false;
  };
}

async function leadsToMaster(redis: Redis): Promise<boolean> {
  const once = { lazyConnect: true, retryStrategy: () => null, commandTimeout: LOOK_MS };
  const probe = redis.duplicate(once);
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    return /^role:master/m.test(await probe.info('replication'));
  } catch {
    return false;
  } finally {
    probe.disconnect();
  }
}
