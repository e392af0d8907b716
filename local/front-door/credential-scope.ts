import type { IncomingMessage } from 'node:http';

/** What a SigV4 signature says about a request, be it in the header or, presigned, in the query. */
export interface Scope {
  accessKeyId: string;
  region: string;
  /** Signing name of the service. */
  service: string;
  token: string | undefined;
}

/** Services by the prefix of `X-Amz-Target`, for requests that come unsigned. */
const TARGETS: Record<string, string> = {
  AmazonSQS: 'sqs',
  DynamoDB_20120810: 'dynamodb',
  AmazonSSM: 'ssm',
  GraniteServiceVersion20100801: 'monitoring',
};

/** Reads the scope; undefined for an unsigned request whose service nothing tells. */
export function readScope(request: IncomingMessage, query: URLSearchParams): Scope | undefined {
  const header = request.headers.authorization;
  const credential = /Credential=([^,\s]+)/.exec(header ?? '')?.[1] ?? query.get('X-Amz-Credential');
  const token = request.headers['x-amz-security-token'] ?? query.get('X-Amz-Security-Token');
  if (credential) return fromCredential(credential, typeof token === 'string' ? token : undefined);
  const target = request.headers['x-amz-target'];
  const service = typeof target === 'string' ? TARGETS[target.split('.')[0] ?? ''] : undefined;
  return service ? { accessKeyId: 'anonymous', region: '', service, token: undefined } : undefined;
}

/** `AKID/20260101/us-east-1/sqs/aws4_request`; the multi-region signature (SigV4a) leaves the region out. */
function fromCredential(credential: string, token: string | undefined): Scope | undefined {
  const parts = credential.split('/');
  const service = parts.at(-2);
  if (parts.at(-1) !== 'aws4_request' || parts.length < 4 || !service) return undefined;
  const region = parts.length >= 5 ? (parts.at(-3) ?? '') : '';
  return { accessKeyId: parts.slice(0, parts.length >= 5 ? -4 : -3).join('/'), region, service, token };
}
