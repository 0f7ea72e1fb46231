/** Runs inside a child, a thread or a process: imports the task modules, then runs one task after another. */
import { parentPort } from 'node:worker_threads';
import { reasonOf } from '../../shared/errorText.ts';
import type { Registry } from '../../shared/registry.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import { endWithParent } from '../guard.ts';
import { inputOf } from '../input.ts';
import { loadTasks } from '../load.ts';
import { PermanentError } from '../outcome.ts';
import { inOwnContext } from '../ownContext.ts';
import { createCalls } from './calls.ts';
import { type ChildContext, createChildContext } from './childContext.ts';
import { createChildLog } from './childLog.ts';
import {
  type Envelope,
  type FromChild,
  opened,
  type RunMessage,
  type ToChild,
} from './messages.ts';
import { packResult } from './result.ts';
import { inWords, pack } from './thrown.ts';

const isThread = parentPort !== null;
const calls = createCalls(send);
let registry: Registry = new Map();
let measures = false;
let current: (ChildContext & { readonly run: number }) | undefined;

listen();

function listen(): void {
  const take = (envelope: unknown) => {
    const message = opened<ToChild>(envelope);
    if (message) void handle(message);
  };
  parentPort?.on('message', take);
  if (!isThread) listenAsProcess(take);
  process.on('uncaughtExceptionMonitor', (error) =>
    send({ kind: 'dying', reason: `uncaught ${inWords(error)}` }),
  );
  const { log } = createChildLog((line) => send({ kind: 'log', run: current?.run ?? 0, ...line }));
  // As in the worker itself: a promise that a task or a library has let go ends nothing.
  process.on('unhandledRejection', (reason) =>
    log.error('a rejection was not handled', { err: reason }),
  );
}

function listenAsProcess(take: (envelope: unknown) => void): void {
  process.on('message', take);
  // Without a parent nobody wants its results, nor ends what its tasks have started.
  process.on('disconnect', () => {
    current?.abort(pack(new WorkerLostError('The worker is gone')));
    process.on('exit', killOwnGroup);
    process.exit(0);
  });
  endWithParent();
  // Ctrl-C and service managers reach whole groups: the parent decides when its children end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  const abort = process.abort;
  process.abort = () => {
    send({ kind: 'dying', reason: 'process.abort() was called' });
    return abort();
  };
}

function killOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // Windows has no groups.
  }
}

function send(message: FromChild): void {
  const envelope: Envelope<FromChild> = { kaje: message };
  if (parentPort) parentPort.postMessage(envelope);
  else if (process.connected) process.send?.(envelope, undefined, undefined, () => undefined);
}

async function handle(message: ToChild): Promise<void> {
  switch (message.kind) {
    case 'start':
      return start(message.modules, message.measures);
    case 'run':
      return run(message);
    case 'abort':
      if (current?.run === message.run) current.abort(message.reason);
      return;
    case 'answer':
      return calls.answer(message);
    case 'exit':
      // What was given the signal, such as a program that the task started, ends with it.
      current?.abort(message.reason);
      // A thread is ended by its parent in a moment: until then it hears how such programs end.
      if (isThread && current) return;
      return process.exit(0);
  }
}

async function start(modules: readonly string[], isMeasured: boolean): Promise<void> {
  measures = isMeasured;
  try {
    registry = await loadTasks(modules);
    send({ kind: 'ready', memory: memoryMb() });
  } catch (error) {
    send({ kind: 'unfit', reason: reasonOf(error) });
  }
}

async function run(message: RunMessage): Promise<void> {
  const context = createChildContext(message, calls, send);
  current = { ...context, run: message.run };
  const ended = await outcomeOf(message, context);
  context.end();
  current = undefined;
  send({ kind: 'end', run: message.run, memory: memoryMb(), ...ended });
}

async function outcomeOf(message: RunMessage, { ctx }: ChildContext) {
  const { name, resultMaxBytes } = message;
  try {
    const task = taskOf(name);
    const input = message.bindsInput ? await inputOf(task, ctx) : message.input;
    const value = await inOwnContext(() => task.run(input, ctx));
    return { result: packResult(value, resultMaxBytes), error: undefined };
  } catch (thrown) {
    return { result: undefined, error: pack(thrown) };
  }
}

function taskOf(name: string) {
  const task = registry.get(name);
  if (task) return task;
  const where = isThread ? 'thread' : 'process';
  throw new PermanentError(
    'NotRegistered',
    `The modules that the ${where} imported have no task "${name}"`,
  );
}

/** Of a thread what its own heap and its Buffers take: the rest belongs to all threads. */
function memoryMb(): number {
  if (!measures) return 0;
  const { rss, heapUsed, external } = process.memoryUsage();
  return (isThread ? heapUsed + external : rss) / 1024 ** 2;
}
