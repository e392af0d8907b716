import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { CloudClock } from '../clock.ts';
import { handleAdmin } from './admin.ts';
import { writeAnswer, writeError } from './answer.ts';
import { authenticate } from './authenticate.ts';
import type { Dispatcher } from './dispatch.ts';
import { type Faults, NoAnswerError } from './faults.ts';
import { findForeignOrigin } from './foreign-origin.ts';
import { decompress, findProtocol, type Protocol, readBody, readRequest } from './request.ts';
import { AwsError, type Call, type Service } from './service.ts';
import type { Sessions } from './sessions.ts';
import { readSignatureFields, type SignatureFields } from './signature-fields.ts';

/** S3 streams bodies: it reads the request and writes the answer itself. Rejects with `AwsError` or `NoAnswerError`. */
export type StreamHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  call: Omit<Call, 'action'>,
) => Promise<void>;

export interface FrontDoor {
  port: number;
  /** Takes a connection from a network of instances: whoever calls through it does not count as the owner. */
  acceptFromInstance(socket: Socket): void;
  close(): Promise<void>;
}

export interface FrontDoorOptions {
  port: number;
  region: string;
  dispatcher: Dispatcher;
  /** Opens a region. Rejects with `AwsError` if there is none of this name. */
  openRegion(name: string): Promise<{ services: ReadonlyMap<string, Service> }>;
  sessions: Sessions;
  faults: Faults;
  s3: StreamHandler;
  clock: Pick<CloudClock, 'now' | 'simulated'>;
  /** What the instances are: processes or machines. */
  instances: string | undefined;
  /** The front door's host name in a network of instances. */
  instanceHostName: string;
}

/** Everything that is needed to handle a request. */
interface HandlerContext extends FrontDoorOptions {
  /** Connections that came from a network of instances. */
  instanceConnections: WeakSet<Socket>;
}

/** Opens the one port, on loopback. Rejects with a message for a person if it cannot be opened. */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const context: HandlerContext = { ...options, instanceConnections: new WeakSet() };
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    handle(request, response, context).catch((error: unknown) => {
      console.error('The front door failed:', error);
      response.destroy();
    });
  });
  // SDKs keep idle connections. One that the server closes just as the SDK uses it looks like a lost call.
  server.keepAliveTimeout = 120_000;
  await listen(server, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    acceptFromInstance: (socket) => {
      context.instanceConnections.add(socket);
      server.emit('connection', socket);
    },
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
    return `Port ${port} is in use: stop the program that listens there or choose another port.`;
  if (error.code === 'EACCES') return `This user may not open port ${port}: choose one above 1023.`;
  return `Port ${port} cannot be opened: ${error.message}`;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  context: HandlerContext,
): Promise<void> {
  const { dispatcher, faults, sessions, instanceConnections, instanceHostName, clock, instances } = context;
  const fromInstance = instanceConnections.has(request.socket);
  const foreign = findForeignOrigin(request, fromInstance ? [instanceHostName] : []);
  if (foreign !== undefined) return refuseForeignRequest(request, response, foreign, context);
  // Node's own Date header lags by one turn of the event loop, and clients take AWS's time from it.
  const nowMs = serverTime(clock);
  response.setHeader('date', new Date(nowMs).toUTCString());
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (url.pathname.startsWith('/_mayfly/')) {
    return handleAdmin(request, response, url, { faults, instances, sessions, fromInstance, nowMs });
  }
  const requestId = randomUUID();
  let protocol = findProtocol(request, url, '', undefined);
  let service: Service | undefined;
  try {
    const fields = await reportRefusal(
      async () => readSignatureFields(request, url.searchParams),
      (error) => dispatcher.refuse(unidentifiedCall(request, context, requestId), error),
    );
    // Requests are parsed alike in all regions.
    service = (await context.openRegion(context.region)).services.get(fields?.service ?? '');
    if (fields) protocol = findProtocol(request, url, fields.service, service);
    const arrival = { fields, protocol, service, requestId, fromInstance };
    await serve(request, response, url, arrival, context);
  } catch (error) {
    if (error instanceof AwsError) writeError(response, service, protocol, error, requestId);
    else if (error instanceof NoAnswerError) request.socket.resetAndDestroy();
    // A client that disconnects while it sends its body is not an error of the server.
    else if (!request.destroyed) throw error;
  }
}

/** Refuses a request without reading its body. */
function refuseForeignRequest(
  request: IncomingMessage,
  response: ServerResponse,
  foreign: string,
  context: HandlerContext,
): void {
  const error = new AwsError('AccessDenied', `The request came from ${foreign}.`, 403);
  context.dispatcher.refuse(unidentifiedCall(request, context, randomUUID()), error);
  response.writeHead(403, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify({ error: error.message })}\n`);
}

/** A call of which only the path is known. The query is left out: a presigned URL's is a secret. */
function unidentifiedCall(
  { method, url = '' }: IncomingMessage,
  { region }: HandlerContext,
  requestId: string,
) {
  const { signal } = new AbortController();
  return { service: 'unknown', action: `${method} ${url.split('?', 1)[0]}`, region, requestId, signal };
}

interface Arrival {
  fields: SignatureFields | undefined;
  protocol: Protocol;
  service: Service | undefined;
  requestId: string;
  fromInstance: boolean;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { fields, protocol, service, requestId, fromInstance }: Arrival,
  { dispatcher, openRegion, sessions, s3, region, clock }: HandlerContext,
): Promise<void> {
  const details = {
    service: fields?.service ?? 'unknown',
    region: fields?.region || region,
    requestId,
    signal: abortOnHangUp(request, response),
  };
  const admitted = await reportRefusal(
    async () => {
      const body = protocol === 'rest-xml' ? undefined : await readBody(request);
      const nowMs = serverTime(clock);
      const caller = authenticate(request, fields, body, { sessions, fromInstance, nowMs });
      await openRegion(details.region);
      if (protocol === 'rest-xml' || !body) return { caller };
      return { caller, read: readRequest(request, url, protocol, decompress(request, body), service) };
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

/** AWS's time as clients see it. With a simulated clock, which only tests have, clients sign by this machine's time. */
function serverTime(clock: FrontDoorOptions['clock']): number {
  return clock.simulated ? Date.now() : clock.now();
}

/** Runs `task` and reports an `AwsError` of it before passing it on. */
async function reportRefusal<T>(task: () => Promise<T>, refused: (error: AwsError) => void): Promise<T> {
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

/** A client hangs up by closing its half of the connection. This is seen some turns before the connection closes. */
function abortOnHangUp(request: IncomingMessage, response: ServerResponse): AbortSignal {
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
