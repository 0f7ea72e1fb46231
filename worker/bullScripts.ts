/** BullMQ's Lua scripts with changes of our own: which script has which, and who waits for Redis. */
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { DefinitionError } from '../shared/errors.ts';
import { partOf } from '../shared/lua.ts';
import { URGENT_FIRST } from './fetchOrder.ts';
import { finishScript, isKnown } from './finishScript.ts';
import { ENDS_IN_TIME, KEEPS_TASK, WAITS_FOR_OWNERS } from './locks.ts';
import { CHARGES_OWN_LOSSES } from './losses.ts';
import type { Patience } from './refusals.ts';
import { EVICT_AT_ONCE, KEEPS_OWN_LIFETIME } from './retention.ts';

const FINISH = 'kaje:finishTasks';
const FINISH_KEYS = 11;

interface Change {
  readonly from: string;
  readonly to: string;
  /** Defines what stands in `to`. */
  readonly lua: string;
}

/**
 * BullMQ removes whatever is above the count at once: where KAJE_RESULTS_MAX was lowered from a million,
 * the next task to end kept Redis for ten seconds. The sweeper takes the rest.
 */
const EVICTS_SOME: readonly Change[] = [
  {
    from: 'local start = maxCount',
    to: `local start = math.max(maxCount, rcall("ZCARD", targetSet) - ${EVICT_AT_ONCE})`,
    lua: '',
  },
  {
    from: 'rcall("ZREMRANGEBYRANK", targetSet, 0, -(maxCount + 1))',
    to: 'rcall("ZREMRANGEBYRANK", targetSet, 0, -(start + 1))',
    lua: '',
  },
];

/**
 * The time, which stands behind the prefix of the keys, is that of Redis: what is due, a worker with a
 * wrong clock would start too early or too late.
 */
const BY_CLOCK_OF_REDIS: Change = {
  from: 'ARGV[2]',
  to: 'ARGV[2]',
  lua: `
do
  local clock = redis.call("TIME")
  ARGV[2] = clock[1] .. string.format("%03d", math.floor(clock[2] / 1000))
end
`,
};

interface Changed {
  readonly changes: readonly Change[];
  /** Whether it stores how a run ended: refused by Redis it waits, for nobody else tries again. */
  readonly stores: boolean;
  /** Whose refusal its own counts as: one that may never be tried again would be refused for ever. */
  readonly countsAs?: string;
}

const CHANGED: Readonly<Record<string, Changed>> = {
  moveToActive: { changes: [BY_CLOCK_OF_REDIS, URGENT_FIRST], stores: false },
  moveToFinished: {
    changes: [BY_CLOCK_OF_REDIS, URGENT_FIRST, KEEPS_TASK, ...EVICTS_SOME, KEEPS_OWN_LIFETIME],
    stores: true,
  },
  moveToDelayed: { changes: [BY_CLOCK_OF_REDIS, URGENT_FIRST, KEEPS_TASK], stores: true },
  moveJobFromActiveToWait: { changes: [KEEPS_TASK], stores: true },
  extendLocks: { changes: [KEEPS_TASK], stores: false, countsAs: 'moveStalledJobsToWait' },
  moveStalledJobsToWait: {
    changes: [...ENDS_IN_TIME, WAITS_FOR_OWNERS, CHARGES_OWN_LOSSES],
    stores: false,
  },
};

interface BullScript {
  readonly content: string;
  readonly keys: number;
}

/**
 * What concerns tasks that are there goes on in a full Redis, as in our own scripts: else nobody could
 * renew a lock or take over, and the memory would never come free.
 */
const ROOM = partOf('room');

/**
 * Defines BullMQ's scripts on a worker's connection, with our changes, before BullMQ does it.
 * @throws DefinitionError for a BullMQ whose scripts are not the known ones
 */
export function changeScripts(redis: Redis, { patient }: Patience): void {
  const bull = createRequire(import.meta.url);
  const { version }: { version: string } = bull('bullmq/dist/cjs/version.js');
  const scripts: Record<string, BullScript> = bull('bullmq/dist/cjs/scripts/index.js');
  for (const [name, { changes, stores, countsAs = name }] of Object.entries(CHANGED)) {
    const { content = '', keys = 0 } = scripts[name] ?? {};
    if (!changes.every(({ from }) => content.includes(from))) {
      throw new DefinitionError(`BullMQ ${version} has another ${name}; pin the known one`);
    }
    const command = `${name}:${version}`;
    redis.defineCommand(command, {
      numberOfKeys: keys,
      lua: ROOM + changes.reduce(applied, content),
    });
    // defineCommand has just added the method, of which the types of ioredis cannot know.
    const send = Reflect.get(redis, command).bind(redis);
    Reflect.set(redis, command, patient(countsAs, send, stores));
  }
  const { content = '' } = scripts.moveToFinished ?? {};
  if (!isKnown(content))
    throw new DefinitionError(`BullMQ ${version} has another moveToFinished; pin the known one`);
  const changes = [KEEPS_TASK, KEEPS_OWN_LIFETIME, ...EVICTS_SOME, BY_CLOCK_OF_REDIS];
  const lua = ROOM + finishScript(changes.reduce(applied, content));
  redis.defineCommand(FINISH, { numberOfKeys: FINISH_KEYS, lua });
  const send = Reflect.get(redis, FINISH).bind(redis);
  const filing = patient('file', send, true);
  const taking = patient('take', send, false);
  const finish: FinishTasks = (args, files) => (files ? filing : taking)(args);
  Reflect.set(redis, FINISH, finish);
}

/**
 * Files many tasks and takes new ones; see shared/lua/finishTasks.lua.
 * @param files whether some are filed: refused by Redis, it is tried until it is taken
 */
export type FinishTasks = (args: readonly unknown[], files: boolean) => Promise<unknown>;

export function finishTasks(redis: Redis): FinishTasks {
  // Defined above.
  return Reflect.get(redis, FINISH);
}

function applied(content: string, { from, to, lua }: Change): string {
  return lua + content.replaceAll(from, to);
}
