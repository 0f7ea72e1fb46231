import { expect } from 'chai';
import { type HttpResponse, responseParser } from '../../bench/load/responses.ts';

const first = 'HTTP/1.1 202 Accepted\r\nContent-Length: 7\r\nDate: now\r\n\r\n{"a":1}';
const second = 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n';
const third = `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength('"é\r\n\r\n"')}\r\n\r\n"é\r\n\r\n"`;

function parsed(chunks: readonly Buffer[]): string[] {
  const seen: HttpResponse[] = [];
  const parse = responseParser((response) => seen.push(response));
  for (const chunk of chunks) parse(chunk);
  return seen.map(({ status, body }) => `${status} ${body}`);
}

describe("the load generator's reading of responses", () => {
  const expected = ['202 {"a":1}', '404 ', '200 "é\r\n\r\n"'];
  const bytes = Buffer.from(first + second + third);

  it('reads several that come at once', () => {
    expect(parsed([bytes])).to.deep.equal(expected);
  });

  it('reads them wherever they are cut', () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(parsed([bytes.subarray(0, at), bytes.subarray(at)])).to.deep.equal(expected);
    }
  });

  it('reads them byte by byte', () => {
    const chunks = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    expect(parsed(chunks)).to.deep.equal(expected);
  });

  it('refuses one that does not say how long it is', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    expect(() => parsed([chunked])).to.throw(/Expected a Content-Length, got/);
  });
});
