/** What a task returns, on its way to the parent: as JSON text, for JSON is what will be stored. */

import { reasonOf } from '../../shared/errorText.ts';
import { toJson } from '../../shared/noJson.ts';

export type SentResult =
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'nothing'; readonly type: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** @param maxBytes larger ones stay here, for the parent would refuse them */
export function packResult(value: unknown, maxBytes: number): SentResult {
  try {
    const text = toJson(value);
    if (text === undefined) return { kind: 'nothing', type: typeof value };
    const bytes = Buffer.byteLength(text);
    if (bytes <= maxBytes) return { kind: 'json', text };
    const expected = `Expected a result of at most ${maxBytes} bytes of JSON, got ${bytes}`;
    return { kind: 'refused', reason: `${expected}: store it elsewhere and return where` };
  } catch (error) {
    return { kind: 'refused', reason: reasonOf(error) };
  }
}

/**
 * The value for the parent; one that JSON cannot hold comes as a stand-in that JSON cannot hold
 * either: only who stores the result knows whether that matters.
 */
export function unpackResult(sent: SentResult): unknown {
  if (sent.kind === 'json') return JSON.parse(sent.text);
  if (sent.kind === 'nothing') return nothing(sent.type);
  return {
    toJSON() {
      throw new TypeError(sent.reason);
    },
  };
}

function nothing(type: string): unknown {
  return type === 'undefined' ? undefined : { toJSON: () => undefined };
}
