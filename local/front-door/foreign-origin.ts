import type { IncomingMessage } from 'node:http';

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9.-]+\.localhost)$/i;

/**
 * Why a request must be refused because it may come from a web page; undefined if it may be served. A browser sends
 * the requests of any page that its user visits. The headers `Origin` and `Sec-Fetch-Site` show such a page. `Host`
 * shows a page whose own name was made to resolve to this server (DNS rebinding). This server has no pages of its own.
 *
 * @param names further names of the server, beside those of the loopback interface
 */
export function findForeignOrigin(
  request: IncomingMessage,
  names: readonly string[] = [],
): string | undefined {
  const { host = '', origin, 'sec-fetch-site': site } = request.headers;
  if (origin !== undefined) return `a web page (Origin: ${origin})`;
  // "none": a person typed the address into the address bar.
  if (site !== undefined && site !== 'none') return `a web page (Sec-Fetch-Site: ${site})`;
  const name = host.replace(/:\d+$/, '');
  if (!LOOPBACK.test(name) && !names.includes(name)) return `another server's name (Host: ${host})`;
  return undefined;
}
