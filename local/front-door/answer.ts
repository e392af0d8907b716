import type { ServerResponse } from 'node:http';
import { encodeEc2Answer, encodeEc2Error } from './protocol/ec2.ts';
import { encodeJson, encodeJsonError, jsonErrorHeaders } from './protocol/json.ts';
import { encodeQueryAnswer, encodeQueryError } from './protocol/query.ts';
import { splitRestAnswer } from './protocol/rest-json.ts';
import { element, escapeXml } from './protocol/xml.ts';
import type { AwsRequest, Protocol } from './request.ts';
import { AwsError, type Output, type Service } from './service.ts';

interface Answer {
  status: number;
  type: string;
  body: string | Uint8Array;
  headers?: Record<string, string>;
}

/** Writes an operation's output in the protocol of its request. */
export function writeAnswer(
  response: ServerResponse,
  service: Service,
  request: AwsRequest,
  output: Output,
  requestId: string,
): void {
  send(response, encodeAnswer(service, request, output, requestId), requestId);
}

function encodeAnswer(service: Service, request: AwsRequest, output: Output, requestId: string): Answer {
  const { protocol, action } = request;
  if (protocol === 'query') {
    return { status: 200, type: XML, body: encodeQueryAnswer(service, action, output, requestId) };
  }
  if (protocol === 'ec2') {
    return { status: 200, type: XML, body: encodeEc2Answer(service, action, output, requestId) };
  }
  if (!request.route) return { status: 200, type: JSON_1_0, body: encodeJson(output) };
  const { status, headers, body } = splitRestAnswer(request.route, output);
  const bytes = body instanceof Uint8Array ? body : status === 204 ? '' : encodeJson(body);
  return { status, type: 'application/json', body: bytes, headers };
}

const XML = 'text/xml;charset=utf-8';
const JSON_1_0 = 'application/x-amz-json-1.0';

/** Writes an error in its protocol, under the code that its service uses. */
export function writeError(
  response: ServerResponse,
  service: Service | undefined,
  protocol: Protocol,
  error: AwsError,
  requestId: string,
): void {
  const named = translateError(protocol, service?.name, error);
  send(response, { status: named.status, ...encodeError(service, protocol, named, requestId) }, requestId);
}

function encodeError(
  service: Service | undefined,
  protocol: Protocol,
  error: AwsError,
  requestId: string,
): Omit<Answer, 'status'> {
  if (protocol === 'query') return { type: XML, body: encodeQueryError(service, error, requestId) };
  if (protocol === 'ec2') return { type: XML, body: encodeEc2Error(error, requestId) };
  if (protocol === 'rest-xml') return { type: 'application/xml', body: encodeS3Error(error, requestId) };
  return { type: JSON_1_0, body: encodeJsonError(error), headers: jsonErrorHeaders(service, error) };
}

function send(response: ServerResponse, answer: Answer, requestId: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'x-amzn-requestid': requestId,
  });
  response.end(response.req.method === 'HEAD' ? undefined : answer.body);
}

function encodeS3Error(error: AwsError, requestId: string): string {
  const detail =
    element('Code', escapeXml(error.code)) +
    element('Message', escapeXml(error.message)) +
    element('RequestId', requestId);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('Error', detail)}`;
}

/** Some protocols have other codes for the front door's own errors ("Common errors" of each service's reference). */
function translateError(protocol: Protocol, service: string | undefined, error: AwsError): AwsError {
  const name = NAMES[error.code]?.[service === 'sqs' && protocol === 'json' ? 'sqs' : protocol];
  return name ? new AwsError(name[0], error.message, name[1], error.details) : error;
}

type Name = [code: string, status: number];

const NAMES: Record<string, Partial<Record<Protocol | 'sqs', Name>>> = {
  AccessDenied: {
    json: ['AccessDeniedException', 400],
    sqs: ['AccessDenied', 403],
    'rest-json': ['AccessDeniedException', 403],
    ec2: ['UnauthorizedOperation', 403],
  },
  MissingAuthenticationToken: {
    json: ['MissingAuthenticationTokenException', 400],
    'rest-json': ['MissingAuthenticationTokenException', 403],
    'rest-xml': ['AccessDenied', 403],
  },
  IncompleteSignature: {
    json: ['IncompleteSignatureException', 400],
    'rest-json': ['IncompleteSignatureException', 400],
  },
  SignatureDoesNotMatch: {
    json: ['InvalidSignatureException', 400],
    'rest-json': ['InvalidSignatureException', 403],
    ec2: ['AuthFailure', 401],
  },
  RequestTimeTooSkewed: {
    json: ['InvalidSignatureException', 400],
    query: ['SignatureDoesNotMatch', 403],
    'rest-json': ['InvalidSignatureException', 403],
    ec2: ['RequestExpired', 400],
  },
  InvalidClientTokenId: {
    json: ['UnrecognizedClientException', 400],
    sqs: ['InvalidClientTokenId', 403],
    'rest-json': ['UnrecognizedClientException', 403],
    ec2: ['AuthFailure', 401],
    'rest-xml': ['InvalidAccessKeyId', 403],
  },
  ExpiredToken: {
    json: ['ExpiredTokenException', 400],
    sqs: ['ExpiredToken', 403],
    'rest-json': ['ExpiredTokenException', 403],
    ec2: ['RequestExpired', 400],
    'rest-xml': ['ExpiredToken', 400],
  },
};
