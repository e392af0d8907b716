import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../aws/clock.ts';
import { connectionUsers } from './connection-users.ts';
import { Connections } from './connections.ts';
import { Pace } from './pace.ts';
import { NoCredentials, type WorkerCredentials } from './session.ts';

/** A job's way to credentials, from the start of its worker until it is revoked. */
export interface Admission {
  /** For the worker's environment; holds a secret, so nowhere else. */
  readonly variables: Record<string, string>;
  revoke(): void;
}

/** Only this host: no other machine reaches it, and no name that a browser was led to. */
const HOST = '127.0.0.1';
const FOLDER = '/credentials/';

/** Bounds for a worker that sends too much, too slowly or too often. */
const LONGEST_HEADER_BYTES = 8 * 1024;
const REQUEST_MS = 2000;
const CHECK_MS = 1000;
/** At a port at once. */
const CONNECTIONS = 128;
/** That wait until the event loop accepts them: as many as Linux lets (net.core.somaxconn). */
const BACKLOG = 4096;

export interface EndpointOptions {
  /** Rejects with `NoCredentials`. */
  credentials: () => Promise<WorkerCredentials>;
  /** How many workers run at once. */
  slots: number;
  clock: Clock;
}

/** Where the job of one slot asks: what it does to its own port keeps nobody from the others. */
interface Port {
  server: Server;
  /** As requests name it: with the port's number. */
  host: string;
  /** That were told of it and are not revoked. */
  jobs: number;
}

interface Job {
  /** Of its token. */
  digest: Buffer;
  pace: Pace;
}

/** What a request is answered with. */
interface Answer {
  status: number;
  body: object;
}

/**
 * Gives workers credentials as a container's are given: "Container credential provider" (AWS SDKs and Tools Reference
 * Guide), which every SDK and the AWS CLI look for by themselves. On loopback, for those who know the token of a job
 * that runs. Each slot has a port of its own.
 */
export class CredentialsEndpoint {
  readonly #options: EndpointOptions;
  /** By their part of the path. */
  readonly #jobs = new Map<string, Job>();
  readonly #ports: Port[] = [];
  /** Of all who are none. */
  readonly #strangers: Pace;

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#strangers = new Pace(options.clock);
  }

  /** Listens on a free port for each slot. Rejects when there is none. */
  static async open(options: EndpointOptions): Promise<CredentialsEndpoint> {
    const endpoint = new CredentialsEndpoint(options);
    for (let slot = 0; slot < options.slots; slot += 1) endpoint.#ports.push(await endpoint.#listen());
    return endpoint;
  }

  async #listen(): Promise<Port> {
    const server = createServer({
      maxHeaderSize: LONGEST_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECK_MS,
    });
    server.listen({ port: 0, host: HOST, backlog: BACKLOG });
    await once(server, 'listening');
    const { port: number } = server.address() as AddressInfo;
    const port = { server, host: `${HOST}:${number}`, jobs: 0 };
    const { clock } = this.#options;
    const users = () => connectionUsers(number);
    const connections = new Connections({ most: CONNECTIONS, users, clock });
    server.on('connection', (socket) => connections.add(socket));
    server.on('request', (request, response) => void this.#serve(port.host, request, response));
    return port;
  }

  admit(): Admission {
    const name = randomUUID();
    const token = randomBytes(32).toString('base64url');
    const port = this.#ports.reduce((least, one) => (one.jobs < least.jobs ? one : least));
    port.jobs += 1;
    this.#jobs.set(name, { digest: digest(token), pace: new Pace(this.#options.clock) });
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
    await (this.#jobOf(request)?.pace ?? this.#strangers).turn();
    const { status, body } = this.#refusal(host, request) ?? (await this.#answer());
    // One request a connection: what a worker sends besides is not read, and none holds a place for later.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(body));
  }

  /** Whose token comes with a request. */
  #jobOf({ headers, url }: IncomingMessage): Job | undefined {
    const job = url?.startsWith(FOLDER) ? this.#jobs.get(url.slice(FOLDER.length)) : undefined;
    return job && timingSafeEqual(digest(headers.authorization ?? ''), job.digest) ? job : undefined;
  }

  #refusal(host: string, request: IncomingMessage): Answer | undefined {
    const { headers, method } = request;
    if (headers.host !== host) return refuse(400, 'InvalidHost', 'this host serves its own workers only');
    if (method !== 'GET') return refuse(405, 'MethodNotAllowed', 'credentials are read with GET');
    if (this.#jobOf(request)) return undefined;
    return refuse(403, 'InvalidToken', 'the authorization token is not that of a job that runs');
  }

  async #answer(): Promise<Answer> {
    try {
      return { status: 200, body: await this.#options.credentials() };
    } catch (error) {
      if (!(error instanceof NoCredentials)) throw error;
      // An outage is worth asking again, which SDKs do by themselves; a refusal is for a person to mend.
      return error.denied
        ? refuse(403, 'AccessDenied', error.message)
        : refuse(503, 'ServiceUnavailable', error.message);
    }
  }
}

/** Of equal length, whatever was sent. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** SDKs read the reason from `code` and `message`; the JavaScript one wants them capitalised. */
function refuse(status: number, code: string, message: string): Answer {
  return { status, body: { code, message, Code: code, Message: message } };
}
