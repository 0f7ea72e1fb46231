/** The states of a task and who may follow whom. docs/lifecycle.md draws this table. */

export const STATES = ['PENDING', 'STARTED', 'RETRY', 'SUCCESS', 'FAILURE', 'REVOKED'] as const;

export type State = (typeof STATES)[number];

/** One of the six, or a state of the task's own such as PROGRESS, which stands for STARTED. */
export type TaskState = State | (string & {});

/** state -> the states that may follow; only an operator's retry leaves a final one. */
export const TRANSITIONS: Readonly<Record<State, readonly State[]>> = {
  PENDING: ['STARTED', 'REVOKED', 'FAILURE'],
  STARTED: ['SUCCESS', 'FAILURE', 'RETRY', 'REVOKED', 'PENDING'],
  RETRY: ['STARTED', 'REVOKED', 'FAILURE'],
  SUCCESS: [],
  FAILURE: ['PENDING'],
  REVOKED: ['PENDING'],
};

const FINAL: ReadonlySet<TaskState> = new Set(['SUCCESS', 'FAILURE', 'REVOKED']);

/** Whether the task has ended: nothing but an operator's retry changes it any more. */
export function isFinal(state: TaskState): boolean {
  return FINAL.has(state);
}

/** Whether a task may name a state of its own so: upper case, and none of the six. */
export function isCustomState(state: string): boolean {
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(state) && !(STATES as readonly string[]).includes(state);
}
