import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findForeignOrigin } from '../front-door/foreign-origin.ts';
import { type MetadataView, readMetadata } from './metadata.ts';

/** The metadata service of one instance. The SDK drops the path of its endpoint, so each instance has its own port. */
export interface MetadataService {
  /** `http://127.0.0.1:<port>` */
  endpoint: string;
  close(): Promise<void>;
}

/** "Instance metadata service": its address on the instance. */
const OWN_NAMES = ['169.254.169.254'];
const LONGEST_TOKEN_SECONDS = 21_600;
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';

/**
 * Serves `view` as the Instance Metadata Service does ("Use the Instance Metadata Service to access instance
 * metadata"): a PUT returns a token, and GETs need it if tokens are required.
 *
 * @param now the cloud's time, for the `Date` header
 */
export async function startMetadataService(
  view: MetadataView,
  now: () => number = Date.now,
): Promise<MetadataService> {
  const tokens = new Map<string, number>();
  const server = createServer((request, response) => {
    const { status, body, headers } = answer(view, tokens, request);
    const date = new Date(now()).toUTCString();
    response.writeHead(status, { 'content-type': 'text/plain', server: 'EC2ws', date, ...headers });
    end(request, response, body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Answer {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

function answer(view: MetadataView, tokens: Map<string, number>, request: IncomingMessage): Answer {
  // This serves role credentials, so requests of web pages in a browser are refused.
  if (findForeignOrigin(request, OWN_NAMES) !== undefined) return { status: 403, body: '403 - Forbidden' };
  const path = new URL(request.url ?? '/', 'http://metadata').pathname;
  if (view.options.httpEndpoint === 'disabled') return { status: 403, body: '403 - Forbidden' };
  if (request.method === 'PUT') return issueToken(tokens, request, path);
  if (request.method !== 'GET') return { status: 405, body: '405 - Method Not Allowed' };
  if (!authorised(view, tokens, request)) return { status: 401, body: '401 - Unauthorized' };
  const [, version, ...rest] = path.split('/');
  if (version === undefined || !/^(latest|1\.0|\d{4}-\d{2}-\d{2})$/.test(version)) {
    return { status: 404, body: '404 - Not Found' };
  }
  const found = readMetadata(view, decoded(rest.join('/')));
  return found === undefined ? { status: 404, body: '404 - Not Found' } : { status: 200, body: found };
}

/** A path with invalid escapes names nothing, and must not end the server. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function issueToken(tokens: Map<string, number>, request: IncomingMessage, path: string): Answer {
  if (path !== '/latest/api/token') return { status: 404, body: '404 - Not Found' };
  // A proxy must not be able to request tokens for others.
  if (request.headers['x-forwarded-for'] !== undefined) return { status: 403, body: '403 - Forbidden' };
  const ttl = Number(request.headers[TTL_HEADER]);
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > LONGEST_TOKEN_SECONDS) {
    return { status: 400, body: '400 - Bad Request' };
  }
  const token = randomBytes(42).toString('base64url');
  tokens.set(token, performance.now() + ttl * 1000);
  return { status: 200, body: token, headers: { [TTL_HEADER]: String(ttl) } };
}

function authorised(view: MetadataView, tokens: Map<string, number>, request: IncomingMessage): boolean {
  const token = request.headers[TOKEN_HEADER];
  if (token === undefined) return view.options.httpTokens === 'optional';
  const until = typeof token === 'string' ? tokens.get(token) : undefined;
  return until !== undefined && until > performance.now();
}

function end(request: IncomingMessage, response: ServerResponse, body: string): void {
  request.resume();
  response.end(body);
}
