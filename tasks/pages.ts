/** Work that waits rather than computes: many requests at once, retried when one fails. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { defineTask } from '../client/index.ts';

class HttpError extends Error {}

export const fetchPages = defineTask('fetch_pages', {
  description: 'Fetches pages from a small site of its own, many at once, and returns their sizes',
  input: z.object({
    pages: z.number().int().min(1).max(100).default(10),
  }),
  retry: { max: 3, delay: 1, on: [HttpError, TypeError] },
  async run({ pages }, ctx) {
    const site = await openSite();
    try {
      const own = Array.from({ length: pages }, (_, i) => `${site.url}/page/${i + 1}`);
      return await fetchAll(own, ctx.signal, ctx.progress);
    } finally {
      site.close();
    }
  },
});

async function fetchAll(
  urls: readonly string[],
  signal: AbortSignal,
  progress: (meta: unknown) => Promise<void>,
) {
  let done = 0;
  const sizes = urls.map(async (url) => {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new HttpError(`${url} answered ${response.status}`);
    const bytes = (await response.arrayBuffer()).byteLength;
    await progress({ done: ++done, total: urls.length });
    return { page: new URL(url).pathname, bytes };
  });
  return { pages: await Promise.all(sizes) };
}

/** A site on loopback whose pages take 50 to 200 ms, so that the sample needs no internet. */
async function openSite(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const page = Number(request.url?.split('/').at(-1) ?? 1);
    setTimeout(() => response.end('x'.repeat(1000 * page)), 50 + ((page * 37) % 150));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
