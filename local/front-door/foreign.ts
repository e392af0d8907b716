import type { IncomingMessage } from 'node:http';

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9.-]+\.localhost)$/i;

/**
 * Why a request is not from a program that was pointed at this server; undefined if it may be. A browser carries the
 * requests of any page that its user visits: it names the page (`Origin`, `Sec-Fetch-Site`), and a page whose own name
 * was made to lead here (DNS rebinding) is told by `Host`. This server has no pages, so all pages are foreign.
 *
 * @param names what the server goes by beside the names of the loopback interface
 */
export function foreignTo(request: IncomingMessage, names: readonly string[] = []): string | undefined {
  const { host = '', origin, 'sec-fetch-site': site } = request.headers;
  if (origin !== undefined) return `a web page (Origin: ${origin})`;
  // "none": what a person typed into the address bar.
  if (site !== undefined && site !== 'none') return `a web page (Sec-Fetch-Site: ${site})`;
  const name = host.replace(/:\d+$/, '');
  if (!LOOPBACK.test(name) && !names.includes(name)) return `another server's name (Host: ${host})`;
  return undefined;
}
