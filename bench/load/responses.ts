/** As much of HTTP as a load generator needs: responses with a Content-Length, one after the other. */

export interface HttpResponse {
  readonly status: number;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** `HTTP/1.1 ` comes before it. */
const STATUS_AT = 9;

/** Returns what takes the chunks of one connection, however they are cut. */
export function responseParser(onResponse: (response: HttpResponse) => void) {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk: Buffer): void => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd === -1) return;
      const head = rest.toString('latin1', 0, headEnd);
      const from = headEnd + HEAD_END.length;
      const to = from + lengthIn(head);
      if (rest.length < to) return;
      const body = rest.subarray(from, to);
      rest = rest.subarray(to);
      onResponse({ status: Number(head.slice(STATUS_AT, STATUS_AT + 3)), body });
    }
  };
}

function lengthIn(head: string): number {
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? [];
  if (length === undefined) throw new Error(`Expected a Content-Length, got:\n${head}`);
  return Number(length);
}
