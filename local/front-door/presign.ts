import type { OwnerKeys } from './sessions.ts';
import { computeSignature } from './signature.ts';

export interface PresignOptions {
  /** Default GET. */
  method?: 'GET' | 'PUT';
  keys: OwnerKeys;
  region: string;
  /** A week (604,800) at most. */
  expiresSeconds: number;
  /** When it is signed, in milliseconds since the epoch. */
  atMs: number;
}

/** A presigned URL of S3, valid without keys for a limited time ("Authenticating Requests: Using Query Parameters"). */
export function presign(
  url: string,
  { method = 'GET', keys, region, expiresSeconds, atMs }: PresignOptions,
): string {
  const { host, pathname } = new URL(url);
  const time = signingTime(atMs);
  const date = time.slice(0, 8);
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKeyId}/${date}/${region}/s3/aws4_request`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
  });
  const request = {
    method,
    url: `${pathname}?${query}`,
    rawHeaders: ['host', host],
    payload: 'UNSIGNED-PAYLOAD',
  };
  const scope = { date, region, service: 's3', signedHeaders: ['host'], time };
  return `${url}?${query}&X-Amz-Signature=${computeSignature(request, scope, keys.secretAccessKey)}`;
}

/** `20260101T000000Z` */
export function signingTime(atMs: number): string {
  return new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}
