import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { decodeEc2 } from './protocol/ec2.ts';
import { decodeParameters } from './protocol/query.ts';
import { decodeRestJson, matchRoute, parseJson } from './protocol/rest-json.ts';
import { AwsError, type Input, type Route, type Service } from './service.ts';

/** The protocol of a request and of its answer. */
export type Protocol = 'json' | 'query' | 'ec2' | 'rest-json' | 'rest-xml';

export interface AwsRequest {
  protocol: Protocol;
  action: string;
  input: Input;
  /** REST JSON: the matched route. */
  route?: Route;
}

const FORM = 'application/x-www-form-urlencoded';

/** Finds the protocol of a request without reading its body. */
export function findProtocol(
  request: IncomingMessage,
  url: URL,
  serviceName: string,
  service?: Service,
): Protocol {
  if (serviceName === 's3') return 'rest-xml';
  if (request.headers['x-amz-target'] !== undefined) return 'json';
  const isForm = request.headers['content-type']?.startsWith(FORM) ?? false;
  if (isForm || url.searchParams.has('Action')) return serviceName === 'ec2' ? 'ec2' : 'query';
  if (service?.routes) return 'rest-json';
  // A request that names no service can only be one to S3.
  return serviceName ? 'json' : 'rest-xml';
}

/** Reads action and input from a request. Throws `AwsError` if it cannot be read. */
export function readRequest(
  request: IncomingMessage,
  url: URL,
  protocol: Exclude<Protocol, 'rest-xml'>,
  body: Buffer,
  service?: Service,
): AwsRequest {
  switch (protocol) {
    case 'json':
      return { protocol, action: targetAction(request, url), input: parseJson(body.toString('utf8')) };
    case 'query':
    case 'ec2':
      return readQuery(protocol, url, body, service);
    case 'rest-json': {
      const routed = matchRoute(service?.routes ?? [], request.method ?? 'GET', url.pathname);
      if (!routed) throw unknownPath(request, url);
      const input = decodeRestJson(routed, url.searchParams, request.headers, body);
      return { protocol, action: routed.route.action, input, route: routed.route };
    }
  }
}

function readQuery(protocol: 'query' | 'ec2', url: URL, body: Buffer, service?: Service): AwsRequest {
  const parameters = new URLSearchParams(url.searchParams);
  for (const [key, value] of new URLSearchParams(body.toString('utf8'))) parameters.append(key, value);
  const action = parameters.get('Action');
  if (!action) throw new AwsError('MissingAction', 'The request must contain the parameter Action.');
  const nested = decodeParameters(parameters);
  const usual = protocol === 'ec2' ? decodeEc2(nested) : nested;
  const input = service?.query?.decode(action, nested, url.pathname) ?? usual;
  return { protocol, action, input };
}

function targetAction(request: IncomingMessage, url: URL): string {
  const target = request.headers['x-amz-target'];
  if (typeof target !== 'string') throw unknownPath(request, url);
  return target.split('.').at(-1) ?? target;
}

function unknownPath(request: IncomingMessage, url: URL): AwsError {
  const message = `The embedded cloud does not implement ${request.method} ${url.pathname}.`;
  return new AwsError('UnknownOperationException', message, 404);
}

/** More than any call of these services may carry. SQS's 1 MiB with each byte escaped is the longest. */
const LONGEST_BODY_BYTES = 16 * 1024 * 1024;

/** Decompresses a body: SDKs compress large CloudWatch calls. */
export function decompress(request: IncomingMessage, body: Buffer): Buffer {
  if (request.headers['content-encoding'] !== 'gzip') return body;
  try {
    return gunzipSync(body, { maxOutputLength: LONGEST_BODY_BYTES });
  } catch {
    throw new AwsError('SerializationException', 'The body of the request is not what its encoding says.');
  }
}

/** The whole body, as it was received. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= LONGEST_BODY_BYTES) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.once('end', () => {
      if (length <= LONGEST_BODY_BYTES) return resolve(Buffer.concat(chunks));
      const message = `The body is longer than ${LONGEST_BODY_BYTES} bytes.`;
      reject(new AwsError('RequestEntityTooLarge', message, 413));
    });
    request.once('error', reject);
  });
}
