/**
 * Redis may be there and take no writes for a moment: it is a replica until it is promoted, has lost
 * its replicas, or its disk is full. BullMQ waits for a connection, but takes such an answer for the
 * end of the matter; here it is waited out as an outage is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../shared/log.ts';
import { isRefusal } from '../shared/redis.ts';

type Command = (args: readonly unknown[]) => Promise<unknown>;

export interface Patience {
  /**
   * The command, with a pause after each refusal.
   * @param untilTaken tried again until Redis takes it, or the connection is closed for good; else
   *   the refusal is passed on, for the caller tries again by itself
   */
  patient(name: string, command: Command, untilTaken: boolean): Command;
  /** Does something again, with a pause, until Redis does not refuse it. */
  untilTaken(what: string, act: () => Promise<unknown>): Promise<unknown>;
}

/** Milliseconds between two tries. */
const PAUSE_MS = 500;

/** One line when Redis begins to refuse, one when it takes everything again: not one for each try. */
export function createPatience(log: Log): Patience {
  /** What was refused last: some commands write nothing, and are taken all the time. */
  const refused = new Set<string>();
  let since = 0;

  const onRefusal = (what: string, { message }: Error): void => {
    if (refused.size === 0) {
      since = performance.now();
      log.error({ reason: message }, 'Redis refuses commands; trying again until it takes them');
    }
    refused.add(what);
  };
  const onTaken = (what: string): void => {
    if (!refused.delete(what) || refused.size > 0) return;
    log.info(
      { after_s: Math.round(performance.now() - since) / 1000 },
      'Redis takes commands again',
    );
  };
  const persist = async (
    what: string,
    send: () => Promise<unknown>,
    untilTaken: boolean,
  ): Promise<unknown> => {
    for (;;) {
      try {
        const answer = await send();
        onTaken(what);
        return answer;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        onRefusal(what, error);
        await sleep(PAUSE_MS);
        if (!untilTaken) throw error;
      }
    }
  };
  return {
    // The first key tells the queue.
    patient: (name, command, untilTaken) => (args) =>
      persist(`${name} ${args[0]}`, () => command(args), untilTaken),
    untilTaken: (what, act) => persist(what, act, true),
  };
}
