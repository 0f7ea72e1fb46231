/** One request over HTTP by the built-in fetch, which keeps connections alive, and what can become of it. */
import { linked } from '../../shared/abort.ts';
import {
  BrokerUnavailableError,
  CommandRefusedError,
  InvalidRequestError,
  KajeError,
  QueueFullError,
  TaskConflictError,
  TaskNotFoundError,
  WorkerSilentError,
  WrongStateError,
} from '../../shared/errors.ts';
import { isError, reasonOf } from '../../shared/errorText.ts';
import type { ProblemBody } from '../../shared/schemas.ts';
import { foreignAdvice } from './address.ts';

export interface Call {
  readonly method?: string;
  /** Sent as JSON; a text goes as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until a silent API counts as unreachable. Default: 30,000 */
  readonly withinMs?: number;
}

/** An API that takes a request and says nothing for so long, beyond any wait asked for, is gone. */
const SILENT_MS = 30_000;

/**
 * What the API answers, as soon as all of it is there; undefined for an answer without a body.
 * @throws BrokerUnavailableError when it cannot be reached, falls silent, or is cut in the middle
 * @throws KajeError that says what the API says
 */
export async function request<T>(url: string, call: Call = {}): Promise<T> {
  const init = initOf(call);
  const silence = createSilence(url, call.withinMs ?? SILENT_MS);
  const either = linked(call.signal, silence.signal);
  try {
    const response = await begun(url, { ...init, signal: either.signal });
    // The contract (shared/protocol.ts) says what each path answers.
    return parsed(response, await textOf(response, silence.broken)) as T;
  } catch (error) {
    throw told(error, url, call.signal);
  } finally {
    silence.end();
    either.unlink();
  }
}

/** An answer that has no end, as soon as it begins; it is under the signal throughout. */
export async function openStream(url: string, call: Omit<Call, 'withinMs'>): Promise<Response> {
  const { signal } = call;
  try {
    return await begun(url, { ...initOf(call), ...(signal ? { signal } : {}) });
  } catch (error) {
    throw told(error, url, signal);
  }
}

/** @throws KajeError for what the API refuses */
async function begun(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.ok) return response;
  throw errorOf(response.status, problemIn(await response.text()), url);
}

function initOf({ method = 'GET', body, headers }: Call): RequestInit {
  if (body === undefined) return { method, headers: { ...headers } };
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  return { method, body: payload, headers: { 'content-type': 'application/json', ...headers } };
}

/** A signal that is aborted when nothing is heard for so long; each word breaks the silence. */
function createSilence(url: string, ms: number) {
  const silence = new AbortController();
  // The request has left: nobody knows how far the API has come.
  const reason = `has not answered within ${Math.round(ms) / 1000} s; it may still do what was asked`;
  const timer = setTimeout(() => silence.abort(unavailable(url, reason)), ms);
  return {
    signal: silence.signal,
    broken: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}

/** Not response.text(): a long answer may take its time, as long as it comes. */
async function textOf({ body }: Response, heard: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body ?? []) {
    heard();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed({ url, status }: Response, text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    const what = `${url} answered ${status}, but no JSON: is it the API of Kaje?`;
    throw new KajeError(`HTTP_${status}`, what);
  }
}

/** What the caller is told: the reason why it has left, what the API says, or that it is away. */
function told(error: unknown, url: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof KajeError) return error;
  // fetch hides the reason one level down.
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  return unavailable(url, `cannot be reached (${reasonOf(cause)})`, cause);
}

function unavailable(url: string, what: string, cause?: unknown): BrokerUnavailableError {
  return new BrokerUnavailableError(`the API at ${new URL(url).origin} ${what}`, { cause });
}

function problemIn(text: string): Partial<ProblemBody> {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function errorOf(status: number, problem: Partial<ProblemBody>, url: string): KajeError {
  const code = problem.type?.split(':').at(-1)?.toUpperCase();
  const kind = CLASSES[code ?? ''];
  const detail = problem.detail ?? `${url} answered ${status}: ${foreignAdvice(status)}`;
  if (problem.errors) return new InvalidRequestError(problem.errors);
  // A proxy that cannot reach the API says so by itself.
  const isAway = status === 503 || (!kind && (status === 502 || status === 504));
  if (isAway) return new BrokerUnavailableError(detail.replace(/^Unavailable: /, ''));
  // The class that it is over Redis, with the sentence as the API has worded it.
  return Reflect.construct(KajeError, [code ?? `HTTP_${status}`, detail], kind ?? KajeError);
}

const CLASSES: Readonly<Record<string, NewableFunction>> = {
  TASK_NOT_FOUND: TaskNotFoundError,
  TASK_CONFLICT: TaskConflictError,
  WRONG_STATE: WrongStateError,
  QUEUE_FULL: QueueFullError,
  WORKER_SILENT: WorkerSilentError,
  COMMAND_REFUSED: CommandRefusedError,
};
