/** What a parent and its child tell each other: the same over a thread's port and a process's IPC. */
import type { TaskContext, TaskLog } from '../../shared/task.ts';
import type { SentResult } from './result.ts';
import type { Packed } from './thrown.ts';

/** Of the context what is data; the rest is made anew in the child. */
export type ContextData = Omit<
  TaskContext,
  'signal' | 'log' | 'progress' | 'updateState' | 'retry' | 'send'
>;

export interface RunMessage {
  readonly kind: 'run';
  /** Number of this run in this child: what is told of another one is late. */
  readonly run: number;
  /** Of the task. */
  readonly name: string;
  readonly input: unknown;
  /** Whether the input is to be made of the arguments in `data`. */
  readonly bindsInput: boolean;
  readonly data: ContextData;
  /** Why the run should end, when that is so from its start. */
  readonly aborted: Packed | undefined;
  readonly resultMaxBytes: number;
}

export interface AnswerMessage {
  readonly kind: 'answer';
  readonly call: number;
  readonly value?: unknown;
  readonly error?: Packed;
}

export type ToChild =
  | { readonly kind: 'start'; readonly modules: readonly string[]; readonly measures: boolean }
  | RunMessage
  | { readonly kind: 'abort'; readonly run: number; readonly reason: Packed }
  | AnswerMessage
  /** The run under way, if there is one, is aborted first. */
  | { readonly kind: 'exit'; readonly reason: Packed };

/** What a task asks of its context, and waits for. JSON as text: as `toJSON` will have it. */
export type Call =
  | { readonly method: 'progress'; readonly meta: string | undefined }
  | {
      readonly method: 'updateState';
      readonly state: string;
      readonly meta: string | undefined;
    }
  | {
      readonly method: 'send';
      readonly name: string;
      readonly input: string | undefined;
      readonly options: string | undefined;
    };

export type LogLevel = keyof TaskLog;

/** A field of a log line: an error, or JSON as text. */
export type PackedField = readonly [name: string, value: Packed | string | undefined];

export interface LogMessage {
  readonly kind: 'log';
  readonly run: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: readonly PackedField[];
}

export interface CallMessage {
  readonly kind: 'call';
  readonly run: number;
  readonly call: number;
  readonly what: Call;
}

export interface EndMessage {
  readonly kind: 'end';
  readonly run: number;
  readonly result: SentResult | undefined;
  readonly error: Packed | undefined;
  /** Megabytes that the child holds; 0 where nobody wants to know. */
  readonly memory: number;
}

export type FromChild =
  | { readonly kind: 'ready'; readonly memory: number }
  /** It cannot import its task modules. */
  | { readonly kind: 'unfit'; readonly reason: string }
  | LogMessage
  | CallMessage
  | EndMessage
  /** The last words of a child that ends for this reason. */
  | { readonly kind: 'dying'; readonly reason: string };

/** As a message travels: tasks and libraries may send others over the same channel. */
export interface Envelope<Message> {
  readonly kaje: Message;
}

/** The message in what arrived; undefined when it is none of ours. */
export function opened<Message>(envelope: unknown): Message | undefined {
  if (typeof envelope !== 'object' || envelope === null || !('kaje' in envelope)) return undefined;
  return (envelope as Envelope<Message>).kaje;
}
