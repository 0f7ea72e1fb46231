/** The plain model: what was sent, which ends each task may have, and what its record must never do. */
import { expect } from 'chai';
import type { AsyncResultBody } from '../../../shared/schemas.ts';
import type { Spec } from './commands.ts';
import type { Run } from './tasks.ts';

/** `GONE`: no record, for it was purged or forgotten. */
export type End = 'SUCCESS' | 'FAILURE' | 'REVOKED' | 'GONE';

export interface Sent {
  readonly spec: Spec;
  /** Unique in its history; the task returns it. */
  readonly tag: string;
  /** Known where it was named or accepted. */
  id?: string;
  /** Doubtful: the line broke at the very moment, and nobody can say which way it went. */
  fate: 'accepted' | 'refused' | 'doubtful';
  allowed: Set<End>;
  /** The end that was read; only an operator's retry takes it away. */
  end?: AsyncResultBody | null;
  endSeenAt?: number;
  /** When it was revoked without ever having started. */
  neverRunsAfter?: number;
  /** How often it may begin anew: sends and operators' retries. */
  lives: number;
  /** Disturbances of the history before it was sent. */
  readonly disturbancesBefore: number;
  /** Whether somebody tried to end it, so that it may have run or not. */
  isMeddledWith: boolean;
  /** Somebody tried to forget it, or did. */
  isForgotten: boolean;
}

/** Milliseconds in which a run that was on its way when its task ended may still begin. */
const BEGIN_SLACK_MS = 3000;
/** Milliseconds after a disturbance in which the API may still say 503. */
const RECOVERY_MS = 12_000;
const UNEXPLAINED_MAX = 5;
/** A task that was lost so often is taken for poison. */
const LOSSES = 3;

export type Ledger = ReturnType<typeof createLedger>;

export function createLedger(runs: readonly Run[]) {
  const sent: Sent[] = [];
  let disturbances = 0;
  let disturbedAt = Number.NEGATIVE_INFINITY;
  let unexplained = 0;
  let purged = 0;
  let isPurgeDoubtful = false;

  const lossesOf = ({ spec }: Sent) => (spec.kind === 'once' ? 1 : LOSSES);
  const isOpen = (task: Sent) => task.fate !== 'refused' && task.end === undefined;

  /** The ends of a task that nobody touches. */
  const endsOf = ({ spec }: Sent): Set<End> => {
    const ends = new Set<End>([spec.kind === 'failing' ? 'FAILURE' : 'SUCCESS']);
    if (spec.options.expires !== undefined) ends.add('REVOKED');
    return ends;
  };

  return {
    sent,
    isOpen,
    add(spec: Spec): Sent {
      const tag = `t${sent.length}`;
      const task: Sent = {
        spec,
        tag,
        ...(spec.isNamed ? { id: `named-${tag}` } : {}),
        fate: 'refused',
        allowed: new Set(),
        lives: 0,
        disturbancesBefore: disturbances,
        isMeddledWith: false,
        isForgotten: false,
      };
      sent.push(task);
      return task;
    },
    accept(task: Sent, id: string): void {
      Object.assign(task, { id, fate: 'accepted' });
      task.allowed = new Set([...endsOf(task), ...task.allowed]);
      task.lives++;
    },
    doubt(task: Sent): void {
      task.fate = 'doubtful';
      task.allowed = endsOf(task);
      task.lives++;
    },
    /** From here on connections break, or processes die. */
    disturb(): void {
      disturbances++;
      disturbedAt = performance.now();
    },
    /** A 503 behind a disturbance has its reason; on a busy machine few others may come. */
    excuse(answer: string): void {
      if (performance.now() - disturbedAt > RECOVERY_MS) unexplained++;
      disturbances++;
      expect(unexplained, answer).to.be.at.most(UNEXPLAINED_MAX);
    },
    meddle(task: Sent, ...ends: End[]): void {
      task.isMeddledWith = true;
      for (const end of ends) task.allowed.add(end);
    },
    fix(task: Sent, end: End): void {
      task.isMeddledWith = true;
      task.allowed = new Set([end]);
    },
    /** An operator runs it again. */
    retry(task: Sent): void {
      beginAnew(task);
      task.allowed = endsOf(task);
    },
    /** Whether an operator's retry or forget was done, nobody can say. */
    doubtAll(task: Sent): void {
      beginAnew(task);
      task.isMeddledWith = true;
      task.isForgotten = true;
      task.allowed = new Set(['SUCCESS', 'FAILURE', 'REVOKED', 'GONE']);
    },
    forget(task: Sent): void {
      task.isForgotten = true;
      task.isMeddledWith = true;
      task.allowed = new Set(['GONE']);
      task.end = null;
    },
    purge(count: number | undefined): void {
      if (count === undefined) isPurgeDoubtful = true;
      else purged += count;
      for (const task of sent.filter(isOpen)) {
        task.allowed.add('GONE');
        task.isMeddledWith = true;
      }
    },
    /** Holds a record that was read just now against all that is known. */
    see(task: Sent, record: AsyncResultBody | null): void {
      const story = `${task.id} ${JSON.stringify(task.spec)}`;
      if (task.end !== undefined) {
        const changed = `${story} changed after its end ${JSON.stringify(task.end)} to ${JSON.stringify(record)}`;
        expect(record, changed).to.deep.equal(task.end);
        return;
      }
      if (record && !record.ready) return;
      if (!record && task.fate === 'doubtful') return;
      const end = record ? (record.state as End) : 'GONE';
      const told = `${story} ended ${end}: ${JSON.stringify(record?.error)}`;
      if (!isLoss(record)) expect([...task.allowed], told).to.include(end);
      else expect(disturbances - task.disturbancesBefore, told).to.be.at.least(lossesOf(task));
      if (end === 'SUCCESS') expect(record?.result, told).to.equal(task.tag);
      task.end = record;
      task.endSeenAt = performance.now();
    },
    check(): void {
      for (const task of sent) checkRuns(task);
      if (isPurgeDoubtful) return;
      const gone = sent.filter(({ end, isForgotten }) => end === null && !isForgotten);
      // A doubtful one has no id, or was never there; of the others somebody tried to forget what was
      // purged, or sent it again.
      const isUnsure = ({ fate, lives, isForgotten }: Sent) =>
        fate === 'doubtful' || lives > 1 || isForgotten;
      const unsure = sent.filter(isUnsure).length;
      expect(gone.length, 'purged').to.be.within(purged - unsure, purged);
    },
  };

  function beginAnew(task: Sent): void {
    task.lives++;
    delete task.end;
    delete task.endSeenAt;
    delete task.neverRunsAfter;
  }

  /** FAILURE because its worker was lost, once or too often. */
  function isLoss(record: AsyncResultBody | null | undefined): boolean {
    return record?.state === 'FAILURE' && record.error?.type === 'WorkerLostError';
  }

  function checkRuns(task: Sent): void {
    const own = runs.filter(({ tag }) => tag === task.tag);
    const story = `${task.id} ${JSON.stringify(task.spec)}: ${own.length} runs, ${task.end?.state}`;
    const after = (at = Number.POSITIVE_INFINITY) => own.filter((run) => run.at > at);
    expect(after(task.neverRunsAfter), `${story}, after it was revoked`).to.deep.equal([]);
    const late = after((task.endSeenAt ?? Number.POSITIVE_INFINITY) + BEGIN_SLACK_MS);
    expect(late, `${story}, after its end`).to.deep.equal([]);
    const { least, most } = runsOf(task);
    expect(own.length, story).to.be.within(least, most);
  }

  /** How often it may have been started. */
  function runsOf(task: Sent): { least: number; most: number } {
    const { spec, end, lives, fate } = task;
    if (fate === 'refused') return { least: 0, most: 0 };
    const losses = disturbances - task.disturbancesBefore;
    const aLife = spec.kind === 'flaky' ? spec.failures + 1 : 1;
    const isPlain = !task.isMeddledWith && lives === 1 && losses === 0;
    // It has expired: before it began, or between two tries.
    if (isPlain && end?.state === 'REVOKED') return { least: 0, most: aLife - 1 };
    if (isPlain && fate === 'accepted') return { least: aLife, most: aLife };
    const most = spec.kind === 'once' ? lives : (aLife + losses) * lives;
    return { least: end?.state === 'SUCCESS' ? aLife : 0, most };
  }
}
