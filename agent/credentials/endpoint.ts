import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../aws/clock.ts';
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
const CONNECTIONS = 128;
const CONNECTIONS_PER_SLOT = 8;

export interface EndpointOptions {
  /** Rejects with `NoCredentials`. */
  credentials: () => Promise<WorkerCredentials>;
  /** How many workers run at once. */
  slots: number;
  clock: Clock;
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
 * that runs.
 */
export class CredentialsEndpoint {
  readonly #server: Server;
  readonly #options: EndpointOptions;
  /** By their part of the path. */
  readonly #jobs = new Map<string, Job>();
  /** Of all who are none. */
  readonly #strangers: Pace;
  /** With its port, as requests name it. */
  #host = '';

  private constructor(options: EndpointOptions) {
    this.#options = options;
    this.#strangers = new Pace(options.clock);
    this.#server = createServer(
      {
        maxHeaderSize: LONGEST_HEADER_BYTES,
        headersTimeout: REQUEST_MS,
        requestTimeout: REQUEST_MS,
        connectionsCheckingInterval: CHECK_MS,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = CONNECTIONS + CONNECTIONS_PER_SLOT * options.slots;
  }

  /** Listens on a free port. Rejects when there is none. */
  static async open(options: EndpointOptions): Promise<CredentialsEndpoint> {
    const endpoint = new CredentialsEndpoint(options);
    endpoint.#server.listen(0, HOST);
    await once(endpoint.#server, 'listening');
    endpoint.#host = `${HOST}:${(endpoint.#server.address() as AddressInfo).port}`;
    return endpoint;
  }

  admit(): Admission {
    const name = randomUUID();
    const token = randomBytes(32).toString('base64url');
    this.#jobs.set(name, { digest: digest(token), pace: new Pace(this.#options.clock) });
    return {
      variables: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${this.#host}${FOLDER}${name}`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
      },
      revoke: () => this.#jobs.delete(name),
    };
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await (this.#jobOf(request)?.pace ?? this.#strangers).turn();
    const { status, body } = this.#refusal(request) ?? (await this.#answer());
    // One request a connection: what a worker sends besides is not read, and none holds a place for later.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(body));
  }

  /** Whose token comes with a request. */
  #jobOf({ headers, url }: IncomingMessage): Job | undefined {
    const job = url?.startsWith(FOLDER) ? this.#jobs.get(url.slice(FOLDER.length)) : undefined;
    return job && timingSafeEqual(digest(headers.authorization ?? ''), job.digest) ? job : undefined;
  }

  #refusal(request: IncomingMessage): Answer | undefined {
    const { headers, method } = request;
    if (headers.host !== this.#host)
      return refuse(400, 'InvalidHost', 'this host serves its own workers only');
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
