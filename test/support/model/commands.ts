/** What may happen in a history, and how it is drawn. */
import fc from 'fast-check';
import { KINDS, type Kind } from './tasks.ts';

export interface Spec {
  readonly kind: Kind;
  readonly ms: number;
  readonly failures: number;
  readonly isNamed: boolean;
  readonly options: {
    readonly priority?: number;
    /** Seconds. */
    readonly countdown?: number;
    readonly expires?: number;
  };
  /** One of a few, by which many are revoked. */
  readonly group: string;
}

export type Command =
  | { readonly do: 'nothing' }
  | { readonly do: 'send'; readonly spec: Spec }
  | { readonly do: 'sendBatch'; readonly specs: readonly Spec[] }
  /** The line of the API is cut while the send is under way. */
  | {
      readonly do: 'sendCut';
      readonly spec: Spec;
      readonly afterMs: number;
      readonly isAnswerLost: boolean;
    }
  | { readonly do: 'resend'; readonly pick: number; readonly isChanged: boolean }
  | { readonly do: 'revoke'; readonly pick: number; readonly terminate: boolean }
  | { readonly do: 'revokeGroup'; readonly group: string; readonly terminate: boolean }
  | { readonly do: 'retry' | 'forget'; readonly pick: number }
  | { readonly do: 'pause' | 'resume' | 'purge' }
  | { readonly do: 'killWorker' | 'startWorker' | 'cutWorker'; readonly index: number }
  | { readonly do: 'restartApi' | 'cutApi' | 'flushScripts' | 'restartRedis' | 'observe' }
  | { readonly do: 'wait'; readonly ms: number };

export type CommandName = Command['do'];

const optional = <T>(value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined, freq: 4 }).map((found) => found ?? null);

const group = fc.constantFrom('red', 'green', 'blue');

const spec: fc.Arbitrary<Spec> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    ms: fc.integer({ min: 0, max: 60 }),
    failures: fc.integer({ min: 0, max: 3 }),
    isNamed: fc.boolean(),
    priority: optional(fc.integer({ min: 0, max: 9 })),
    countdown: optional(fc.constantFrom(0.05, 0.3, 1)),
    expires: optional(fc.constantFrom(0.05, 0.5, 100)),
    group,
  })
  .map(({ priority, countdown, expires, ...rest }) => ({
    ...rest,
    options: {
      ...(priority === null ? {} : { priority }),
      ...(countdown === null ? {} : { countdown }),
      ...(expires === null ? {} : { expires }),
    },
  }));

const pick = fc.nat({ max: 200 });
const index = fc.nat({ max: 1 });
const terminate = fc.boolean();
const named = <T extends CommandName>(name: T) => fc.constant(name);

/** How often each is drawn, of some 100: what costs seconds seldom. */
const WEIGHTS: readonly (readonly [number, fc.Arbitrary<Command>])[] = [
  [0, fc.record({ do: named('nothing') })],
  [26, fc.record({ do: named('send'), spec })],
  [8, fc.record({ do: named('sendBatch'), specs: fc.array(spec, { minLength: 2, maxLength: 8 }) })],
  [
    2,
    fc.record({
      do: named('sendCut'),
      spec,
      afterMs: fc.nat({ max: 5 }),
      isAnswerLost: fc.boolean(),
    }),
  ],
  [6, fc.record({ do: named('resend'), pick, isChanged: fc.boolean() })],
  [8, fc.record({ do: named('revoke'), pick, terminate })],
  [2, fc.record({ do: named('revokeGroup'), group, terminate })],
  [6, fc.record({ do: named('retry'), pick })],
  [5, fc.record({ do: named('forget'), pick })],
  [4, fc.record({ do: named('pause') })],
  [6, fc.record({ do: named('resume') })],
  [1, fc.record({ do: named('purge') })],
  [1, fc.record({ do: named('killWorker'), index })],
  [4, fc.record({ do: named('startWorker'), index })],
  [2, fc.record({ do: named('cutWorker'), index })],
  [1, fc.record({ do: named('restartApi') })],
  [1, fc.record({ do: named('cutApi') })],
  [2, fc.record({ do: named('flushScripts') })],
  [0.5, fc.record({ do: named('restartRedis') })],
  [6, fc.record({ do: named('observe') })],
  [8, fc.record({ do: named('wait'), ms: fc.nat({ max: 80 }) })],
];

const command: fc.Arbitrary<Command> = fc.oneof(
  { withCrossShrink: true },
  ...WEIGHTS.map(([weight, arbitrary]) => ({ weight: weight * 2, arbitrary })),
);

/** Of a fixed length: it shrinks by commands that become nothing. */
export const historyOf = (length: number): fc.Arbitrary<Command[]> =>
  fc.array(command, { minLength: length, maxLength: length });
