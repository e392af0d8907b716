import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../aws/clock.ts';
import { ConnectionLimiter } from './connection-limiter.ts';
import { findConnectionUsers } from './connection-users.ts';
import { RateLimiter } from './rate-limiter.ts';
import { NoCredentialsError, type WorkerCredentials } from './session.ts';

/** Lets a job's worker read credentials until it is revoked. */
export interface Admission {
  /** For the worker's environment only: it holds a secret. */
  readonly variables: Record<string, string>;
  revoke(): void;
}

/** Loopback: no other machine can connect. Requests that name any other host are refused (DNS rebinding). */
const HOST = '127.0.0.1';
const FOLDER = '/credentials/';

/** Limits for a worker that sends too much, too slowly or too often. */
const MAX_HEADER_BYTES = 8 * 1024;
const REQUEST_MS = 2000;
const CHECK_MS = 1000;
/** Open connections of a port. */
const MAX_CONNECTIONS = 128;
/** Connections that wait until the event loop accepts them: the default limit of Linux (net.core.somaxconn). */
const BACKLOG = 4096;

export interface EndpointOptions {
  /** Rejects with `NoCredentialsError`. */
  credentials: () => Promise<WorkerCredentials>;
  /** How many workers run at once. */
  slots: number;
  clock: Clock;
}

/** Where the job of one slot asks. A job that floods its port does not affect the others. */
interface Port {
  server: Server;
  /** The `Host` header of requests: with the port's number. */
  host: string;
  /** How many admitted jobs use it. */
  jobs: number;
}

interface Job {
  /** SHA-256 of its token. */
  digest: Buffer;
  limiter: RateLimiter;
}

/** The answer to a request. */
interface Answer {
  status: number;
  body: object;
}

/**
 * Gives workers credentials as the "Container credential provider" does (AWS SDKs and Tools Reference Guide). Every SDK
 * and the AWS CLI use it without configuration. It listens on loopback and answers whoever has the token of a running job.
 * Each slot has its own port.
 */
export class CredentialsEndpoint {
  readonly #options: EndpointOptions;
  /** By the last part of their path. */
  readonly #jobs = new Map<string, Job>();
  readonly #ports: Port[] = [];
  /** For all requests without a valid token. */
  readonly #unknownLimiter: RateLimiter;

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#unknownLimiter = new RateLimiter(options.clock);
  }

  /** Listens on a free port for each slot. Rejects if there is none. */
  static async open(options: EndpointOptions): Promise<CredentialsEndpoint> {
    const endpoint = new CredentialsEndpoint(options);
    for (let slot = 0; slot < options.slots; slot += 1) endpoint.#ports.push(await endpoint.#listen());
    return endpoint;
  }

  async #listen(): Promise<Port> {
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECK_MS,
    });
    server.listen({ port: 0, host: HOST, backlog: BACKLOG });
    await once(server, 'listening');
    const { port: number } = server.address() as AddressInfo;
    const port = { server, host: `${HOST}:${number}`, jobs: 0 };
    const { clock } = this.#options;
    const users = () => findConnectionUsers(number);
    const connections = new ConnectionLimiter({ maxOpen: MAX_CONNECTIONS, findUsers: users, clock });
    server.on('connection', (socket) => connections.add(socket));
    server.on('request', (request, response) => void this.#serve(port.host, request, response));
    return port;
  }

  admit(): Admission {
    const name = randomUUID();
    const token = randomBytes(32).toString('base64url');
    const port = this.#ports.reduce((least, one) => (one.jobs < least.jobs ? one : least));
    port.jobs += 1;
    this.#jobs.set(name, { digest: digest(token), limiter: new RateLimiter(this.#options.clock) });
    return {
      variables: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${port.host}${FOLDER}${name}`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
      },
      revoke: () => {
        if (this.#jobs.delete(name)) port.jobs -= 1;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#ports.map(async ({ server }) => {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      }),
    );
  }

  async #serve(host: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await (this.#findJob(request)?.limiter ?? this.#unknownLimiter).acquire();
    const { status, body } = this.#findRefusal(host, request) ?? (await this.#answer());
    // One request per connection: nothing else is read, and no idle connection counts against the limit.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(body));
  }

  /** Finds the job whose token the request has. */
  #findJob({ headers, url }: IncomingMessage): Job | undefined {
    const job = url?.startsWith(FOLDER) ? this.#jobs.get(url.slice(FOLDER.length)) : undefined;
    return job && timingSafeEqual(digest(headers.authorization ?? ''), job.digest) ? job : undefined;
  }

  #findRefusal(host: string, request: IncomingMessage): Answer | undefined {
    const { headers, method } = request;
    if (headers.host !== host) return refuse(400, 'InvalidHost', 'this host serves its own workers only');
    if (method !== 'GET') return refuse(405, 'MethodNotAllowed', 'credentials are read with GET');
    if (this.#findJob(request)) return undefined;
    return refuse(403, 'InvalidToken', 'the authorization token is not that of a running job');
  }

  async #answer(): Promise<Answer> {
    try {
      return { status: 200, body: await this.#options.credentials() };
    } catch (error) {
      if (!(error instanceof NoCredentialsError)) throw error;
      // SDKs retry after a 503 by themselves. A refusal has to be corrected by a person.
      return error.denied
        ? refuse(403, 'AccessDenied', error.message)
        : refuse(503, 'ServiceUnavailable', error.message);
    }
  }
}

/** Digests have equal length, which `timingSafeEqual` needs. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** SDKs read the reason from `code` and `message`; the JavaScript SDK reads `Code` and `Message`. */
function refuse(status: number, code: string, message: string): Answer {
  return { status, body: { code, message, Code: code, Message: message } };
}
