import type { IncomingMessage } from 'node:http';
import { AwsError } from './service.ts';

/** The fields of a request's SigV4 signature, from the Authorization header or from a presigned query. */
export interface SignatureFields {
  accessKeyId: string;
  /** `20260101` */
  date: string;
  region: string;
  /** Signing name of the service. */
  service: string;
  token: string | undefined;
  /** In lower case. */
  signedHeaders: readonly string[];
  /** Hexadecimal. */
  signature: string;
  /** When it was signed: `20260101T000000Z`. */
  time: string;
  /** How long a presigned URL is valid. */
  expiresInSeconds?: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * Reads the fields; undefined for a request that is not signed.
 *
 * @throws `AwsError` if a field is missing or the algorithm is another one
 */
export function readSignatureFields(
  request: IncomingMessage,
  query: URLSearchParams,
): SignatureFields | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return fromHeader(authorization, request);
  // boto3 presigns with version 2 by default; `Config(signature_version="s3v4")` selects version 4.
  if (query.has('AWSAccessKeyId')) throw notSupported('Signature Version 2');
  return query.has('X-Amz-Algorithm') ? fromQuery(query) : undefined;
}

function fromHeader(authorization: string, request: IncomingMessage): SignatureFields {
  const [algorithm = '', ...rest] = authorization.split(/\s+/);
  refuseOther(algorithm);
  const fields = new Map(
    rest
      .join('')
      .split(',')
      .map((field): [string, string] => {
        const at = field.indexOf('=');
        return [field.slice(0, at), field.slice(at + 1)];
      }),
  );
  const { 'x-amz-date': time, 'x-amz-security-token': token } = request.headers;
  return {
    ...credentialOf(fields.get('Credential')),
    token: typeof token === 'string' ? token : undefined,
    signedHeaders: required(fields.get('SignedHeaders'), 'SignedHeaders').split(';'),
    signature: required(fields.get('Signature'), 'Signature'),
    time: required(typeof time === 'string' ? time : undefined, 'X-Amz-Date'),
  };
}

function fromQuery(query: URLSearchParams): SignatureFields {
  const field = (name: string) => required(query.get(name) ?? undefined, name);
  refuseOther(field('X-Amz-Algorithm'));
  return {
    ...credentialOf(field('X-Amz-Credential')),
    token: query.get('X-Amz-Security-Token') ?? undefined,
    signedHeaders: field('X-Amz-SignedHeaders').split(';'),
    signature: field('X-Amz-Signature'),
    time: field('X-Amz-Date'),
    expiresInSeconds: Number(field('X-Amz-Expires')),
  };
}

/** `AKID/20260101/us-east-1/sqs/aws4_request` */
function credentialOf(credential: string | undefined) {
  const parts = required(credential, 'Credential').split('/');
  const [date = '', region = '', service = '', end] = parts.slice(-4);
  if (parts.length < 5 || end !== 'aws4_request' || !service) throw incomplete('Credential');
  return { accessKeyId: parts.slice(0, -4).join('/'), date, region, service };
}

function refuseOther(algorithm: string): void {
  if (algorithm !== ALGORITHM) throw notSupported(`'${algorithm}'`);
}

function notSupported(algorithm: string): AwsError {
  const message = `The embedded cloud does not implement signatures by ${algorithm}, only by ${ALGORITHM}.`;
  return new AwsError('IncompleteSignature', message, 400);
}

function required(value: string | undefined, name: string): string {
  if (value) return value;
  throw incomplete(name);
}

function incomplete(name: string): AwsError {
  return new AwsError(
    'IncompleteSignature',
    `The request's signature has no '${name}', or an invalid one.`,
    400,
  );
}
