import type { IncomingMessage, ServerResponse } from 'node:http';
import { buildApp } from 'fauxqs';
import { AwsError, type Input } from '../front-door/service.ts';
import { createStores, type ObjectStore, type QueueStore } from './fauxqs-stores.ts';
import { type HttpHandler, type HttpResponse, requestInProcess } from './in-process.ts';

/**
 * fauxqs implements SQS and S3, inside this process. It opens no port: its own server would listen on every address.
 * Its state is in memory.
 */
export interface Fauxqs {
  /** The queues with their messages. */
  queues: QueueStore;
  /** The objects. */
  objects: ObjectStore;
  /** One SQS call. Rejects with `AwsError`. */
  sqs(action: string, input: Input, region: string): Promise<Record<string, unknown>>;
  /** One S3 request from inside. */
  s3(request: S3Request): Promise<HttpResponse>;
  /**
   * Lets fauxqs read an S3 request and write its answer. Resolves when the answer is written or the client has
   * disconnected. Rejects with `AwsError` if the client disconnected before.
   */
  serveS3(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

export interface S3Request {
  method: 'GET' | 'PUT' | 'HEAD' | 'DELETE' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** "Uploading objects": the maximum size of a single PUT. */
const LONGEST_OBJECT_BYTES = 5 * 1024 ** 3;

export async function startFauxqs(): Promise<Fauxqs> {
  const stores = await createStores();
  const app = buildApp({ logger: false, host: 'localhost', stores });
  takeLongObjects(app);
  await app.ready();
  const handler: HttpHandler = (request, response) =>
    app.routing(request as IncomingMessage, response as ServerResponse);
  return {
    queues: stores.sqsStore,
    objects: stores.s3Store,
    async sqs(action, input, region) {
      const answer = await requestInProcess(handler, {
        method: 'POST',
        url: '/',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `AmazonSQS.${action}`,
          // fauxqs reads the region of a new queue from here.
          authorization: `AWS4-HMAC-SHA256 Credential=local/20260101/${region}/sqs/aws4_request`,
        },
        body: JSON.stringify(input),
      });
      const output = JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
      if (answer.status < 400) return output;
      const code = String(output['__type'] ?? 'InternalError').replace(/^.*#/, '');
      throw new AwsError(code, String(output['message'] ?? code), answer.status);
    },
    s3: ({ method, url, headers, body }) =>
      requestInProcess(handler, {
        method,
        url,
        headers: { 'content-type': 'application/octet-stream', ...headers },
        body: body ?? '',
      }),
    serveS3: (request, response) =>
      new Promise((resolve, reject) => {
        // A client that disconnected while its request waited emits no further event.
        if (response.destroyed) return reject(goneClient());
        response.once('close', resolve);
        app.routing(request, response);
      }),
    close: () => app.close().then(() => undefined),
  };
}

function goneClient(): AwsError {
  return new AwsError('RequestTimeout', 'The client closed the connection before its request was served.');
}

/** fauxqs accepts 11 MiB and has no option for it, so its body parser of objects is replaced by one with this limit. */
function takeLongObjects(app: ReturnType<typeof buildApp>): void {
  app.removeContentTypeParser('*');
  const options = { parseAs: 'buffer', bodyLimit: LONGEST_OBJECT_BYTES } as const;
  app.addContentTypeParser('*', options, (_request, body, done) => done(null, body));
}
