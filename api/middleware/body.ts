/** Reads request bodies: JSON whole, NDJSON line by line, both bounded. */
import type { IncomingMessage } from 'node:http';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import type { Context } from 'koa';
import { InexactNumberError, InvalidRequestError, KajeError } from '../../shared/errors.ts';
import { faultInText } from '../../shared/jsonText.ts';
import { MAX_TASKS } from '../../shared/schemas/tasks.ts';
import { MAX_JSON_DEPTH, MAX_STREAM_BYTES } from '../../shared/schemas.ts';

/**
 * The JSON body of a request.
 * @throws KajeError MALFORMED_BODY, BODY_TOO_LARGE or UNSUPPORTED_MEDIA_TYPE
 */
export async function readJson(ctx: Context, maxBytes: number): Promise<unknown> {
  requireType(ctx, 'application/json');
  refuseLength(ctx, maxBytes);
  return readJsonOf(ctx.req, maxBytes);
}

/** The same where the headers are known to be right. */
export async function readJsonOf(req: IncomingMessage, maxBytes: number): Promise<unknown> {
  const bytes = await readWhole(req, maxBytes);
  const value = parse(decode(bytes), 'the body');
  // To parse a large one takes as long as to check it: others may have their turn between.
  if (bytes.length > LARGE_BYTES) await yieldToLoop();
  return value;
}

const LARGE_BYTES = 64 * 1024;

/** By its events: an iterator over the chunks costs a small request a fifth of its time. */
function readWhole(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      // The listener stays, and throws away what still comes.
      else reject(tooLarge(req, maxBytes));
    });
    req.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
    );
    req.on('error', (error) => reject(cutOff(error)));
    req.on('close', () => req.complete || reject(cutOff()));
  });
}

/** A client that goes away in the middle is nobody's fault: its error is no 500. */
function cutOff(cause?: unknown): KajeError {
  return new KajeError('MALFORMED_BODY', 'The body ended before it was complete', { cause });
}

/** The same, or `{}` where there is no body at all; then the type does not matter either. */
export async function readOptionalJson(ctx: Context, maxBytes: number): Promise<unknown> {
  const hasBody = ctx.get('transfer-encoding') !== '' || Number(ctx.get('content-length')) > 0;
  return hasBody ? readJson(ctx, maxBytes) : {};
}

export function isNdjson(ctx: Context): boolean {
  return mediaType(ctx) === 'application/x-ndjson';
}

/** The values of an NDJSON body, one a line; blank lines are skipped. Throws as readJson. */
export async function readNdjson(ctx: Context, maxLineBytes: number): Promise<unknown[]> {
  requireType(ctx, 'application/x-ndjson');
  refuseLength(ctx, MAX_STREAM_BYTES);
  const values: unknown[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let line = 0;
  const take = (text: Buffer) => {
    line++;
    if (text.length > maxLineBytes) throw tooLarge(ctx.req, maxLineBytes, `line ${line}`);
    if (isBlank(text)) return;
    if (values.length === MAX_TASKS) throw tooMany(ctx);
    const at = `/tasks/${values.length}`;
    values.push(parse(decode(text), `line ${line}`, at));
  };
  for await (const chunk of chunksOf(ctx)) {
    bytes += chunk.length;
    if (bytes > MAX_STREAM_BYTES) throw tooLarge(ctx.req, MAX_STREAM_BYTES);
    const lines = splitLines(rest, chunk);
    rest = lines.pop() ?? rest;
    for (const text of lines) take(text);
    if (rest.length > maxLineBytes) throw tooLarge(ctx.req, maxLineBytes, `line ${line + 1}`);
  }
  take(rest);
  return values;
}

/** As the schema says it of a JSON list. */
function tooMany(ctx: Context): InvalidRequestError {
  ctx.req.resume();
  return new InvalidRequestError([
    { path: '/tasks', message: `expected at most ${MAX_TASKS} tasks` },
  ]);
}

const NEWLINE = 10;

/** Whole lines, and the beginning of the next one as the last item. */
function splitLines(rest: Buffer, chunk: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
    const piece = chunk.subarray(from, at);
    lines.push(lines.length === 0 ? Buffer.concat([rest, piece]) : piece);
    from = at + 1;
  }
  const tail = chunk.subarray(from);
  return [...lines, lines.length === 0 ? Buffer.concat([rest, tail]) : Buffer.from(tail)];
}

function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

async function* chunksOf(ctx: Context): AsyncGenerator<Buffer> {
  try {
    // Not destroyed with the loop: a client that still sends could not read the answer.
    for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) yield chunk;
  } catch (error) {
    throw cutOff(error);
  }
}

function mediaType(ctx: Context): string {
  return (ctx.get('content-type').split(';')[0] ?? '').trim().toLowerCase();
}

function requireType(ctx: Context, wanted: string): void {
  // As nearly all say it.
  const { 'content-type': plainType, 'content-encoding': plainEncoding } = ctx.req.headers;
  if (plainType === wanted && plainEncoding === undefined) return;
  const type = mediaType(ctx);
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(ctx.get('content-type'))?.[1] ?? 'utf-8';
  const encoding = ctx.get('content-encoding') || 'identity';
  const got = `${type || 'none'}, charset ${charset}, encoding ${encoding}`;
  const isWanted = type === wanted && /^utf-?8$/i.test(charset) && encoding === 'identity';
  if (isWanted) return;
  ctx.req.resume();
  const hint = `send the header "Content-Type: ${wanted}" and plain UTF-8`;
  throw new KajeError('UNSUPPORTED_MEDIA_TYPE', `Expected ${wanted}, got ${got}: ${hint}`);
}

function refuseLength(ctx: Context, maxBytes: number): void {
  if (Number(ctx.get('content-length') || 0) > maxBytes) throw tooLarge(ctx.req, maxBytes);
}

function tooLarge(req: IncomingMessage, max: number, what = 'the body'): KajeError {
  // The rest is thrown away as it comes; requestTimeout ends a client that never ends.
  req.resume();
  return new KajeError('BODY_TOO_LARGE', `Expected ${what} to hold at most ${max} bytes`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new KajeError('MALFORMED_BODY', 'The body is not valid UTF-8');
  }
}

/** @param at JSON Pointer to the value, in what the request asks for */
function parse(text: string, what: string, at = ''): unknown {
  if (text.trim() === '')
    throw new KajeError('MALFORMED_BODY', `Expected ${what} to be JSON, got nothing`);
  const fault = faultInText(text, MAX_JSON_DEPTH);
  // Half a million levels take long to parse.
  if (fault?.kind === 'depth') {
    const expected = `Expected ${what} to nest at most ${MAX_JSON_DEPTH} levels deep`;
    throw new KajeError('MALFORMED_BODY', expected);
  }
  const value = parseJson(text, what);
  if (fault) throw new InexactNumberError(at + fault.path, fault.literal);
  return value;
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KajeError('MALFORMED_BODY', `Expected ${what} to be JSON: ${reason}`);
  }
}
