import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { handleAdmin } from './admin.ts';
import { writeAnswer, writeError } from './answer.ts';
import { readScope, type Scope } from './credential-scope.ts';
import type { Dispatcher } from './dispatch.ts';
import { type Faults, NoAnswer } from './faults.ts';
import { type Protocol, protocolOf, readBody, readRequest } from './request.ts';
import { AwsError, type Call, type Service } from './service.ts';
import type { Sessions } from './sessions.ts';

/** S3 streams bodies: it reads the request and writes the answer itself, and rejects with `AwsError` or `NoAnswer`. */
export type StreamHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  call: Omit<Call, 'action'>,
) => Promise<void>;

export interface FrontDoor {
  port: number;
  close(): Promise<void>;
}

export interface FrontDoorOptions {
  port: number;
  region: string;
  dispatcher: Dispatcher;
  sessions: Sessions;
  faults: Faults;
  s3: StreamHandler;
}

/** Opens the one port, on loopback. Rejects with a sentence when it cannot be had. */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    handle(request, response, options).catch((error: unknown) => {
      console.error('The front door failed:', error);
      response.destroy();
    });
  });
  // SDKs keep idle connections; one that is closed under them just as they use it looks like a lost call.
  server.keepAliveTimeout = 120_000;
  await listen(server, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenError(error, port))));
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

function listenError(error: NodeJS.ErrnoException, port: number): string {
  if (error.code === 'EADDRINUSE')
    return `Port ${port} is in use: end what listens there or choose another port.`;
  if (error.code === 'EACCES') return `Port ${port} may not be opened by this user: choose one above 1023.`;
  return `Port ${port} cannot be opened: ${error.message}`;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  options: FrontDoorOptions,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (url.pathname.startsWith('/_mayfly/')) return handleAdmin(request, response, url, options.faults);
  const scope = readScope(request, url.searchParams);
  const service = options.dispatcher.services.get(scope?.service ?? '');
  const protocol: Protocol = scope ? protocolOf(request, url, scope.service, service) : 'rest-xml';
  const requestId = randomUUID();
  try {
    await serve(request, response, url, { scope, protocol, service, requestId }, options);
  } catch (error) {
    if (error instanceof AwsError) writeError(response, service, protocol, error, requestId);
    else if (error instanceof NoAnswer) request.socket.resetAndDestroy();
    // A client that goes away while it still sends its body is no fault of ours.
    else if (!request.destroyed) throw error;
  }
}

interface Arrival {
  scope: Scope | undefined;
  protocol: Protocol;
  service: Service | undefined;
  requestId: string;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { scope, protocol, service, requestId }: Arrival,
  { dispatcher, sessions, s3, region }: FrontDoorOptions,
): Promise<void> {
  const details = {
    service: scope?.service ?? 'unknown',
    region: scope?.region || region,
    requestId,
    signal: abortedWhenGone(request, response),
  };
  const admitted = await admit(
    async () => {
      if (!scope) throw new AwsError('MissingAuthenticationToken', 'The request is not signed.', 403);
      const caller = sessions.identify(scope.accessKeyId, scope.token);
      if (protocol === 'rest-xml') return { caller };
      return { caller, read: readRequest(request, url, protocol, await readBody(request), service) };
    },
    (error) => dispatcher.refuse({ ...details, action: describeRequest(request, url) }, error),
  );
  const { caller, read } = admitted;
  if (!read) return s3(request, response, { ...details, caller });
  const call = { ...details, caller, action: read.action };
  const found = dispatcher.find(call, read.input);
  const output = await dispatcher.perform(found.service, found.operation, read.input, call);
  writeAnswer(response, found.service, read, output, requestId);
}

/** Runs `task`; an `AwsError` of it is told before it is passed on. */
async function admit<T>(task: () => Promise<T>, refused: (error: AwsError) => void): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof AwsError) refused(error);
    throw error;
  }
}

function describeRequest(request: IncomingMessage, url: URL): string {
  const target = request.headers['x-amz-target'];
  return typeof target === 'string'
    ? (target.split('.').at(-1) ?? target)
    : `${request.method} ${url.pathname}`;
}

/** A client hangs up by closing its half: that is seen some turns before the connection is gone. */
function abortedWhenGone(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const { socket } = request;
  const controller = new AbortController();
  const hangUp = () => controller.abort(new Error('The client hung up.'));
  socket.once('end', hangUp);
  response.once('close', () => {
    socket.off('end', hangUp);
    if (!response.writableFinished) hangUp();
  });
  return controller.signal;
}
