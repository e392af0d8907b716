import { presign, signingTime } from '../../front-door/presign.ts';
import type { OwnerKeys } from '../../front-door/sessions.ts';
import { computeSignature, sha256 } from '../../front-door/signature.ts';

/** A request, as a server gets it. */
export interface Received {
  method: string;
  /** Path and query, as sent. */
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface CheckedSignature {
  service: string;
  region: string;
  /** Names of the headers that are signed. */
  signed: string[];
  given: string;
  /** The signature that AWS computes for this request and secret. */
  right: string;
}

/** Computes the signature of a request as AWS does. */
export function checkSignature(request: Received, secret: string): CheckedSignature {
  const { method, url, headers, body } = request;
  const { scope, signedHeaders, given } = authorization(headers);
  const [date = '', region = '', service = ''] = scope.split('/');
  const time = headers['x-amz-date'] ?? '';
  const payload = headers['x-amz-content-sha256'] ?? sha256(body);
  const signed = { method, url, rawHeaders: Object.entries(headers).flat(), payload };
  const right = computeSignature(signed, { date, region, service, signedHeaders, time }, secret);
  return { service, region, signed: signedHeaders, given, right };
}

function authorization({ authorization: header = '' }: Record<string, string>) {
  const parts = /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/.exec(header);
  if (!parts) throw new Error(`not signed: ${header}`);
  const [, scope = '', names = '', given = ''] = parts;
  return { scope, signedHeaders: names.split(';'), given };
}

export interface RawRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  /** When it is signed, in milliseconds since the epoch. Default now. */
  atMs?: number;
  region?: string;
  token?: string;
}

/** Sends any request, signed: host, time, hash and the given headers. */
export function signedFetch(
  url: string,
  service: string,
  keys: OwnerKeys,
  {
    method = 'POST',
    headers = {},
    body = '',
    atMs = Date.now(),
    region = 'us-east-1',
    token,
  }: RawRequest = {},
): Promise<Response> {
  const { host, pathname, search } = new URL(url);
  const time = signingTime(atMs);
  const payload = sha256(body);
  const all: Record<string, string> = {
    ...headers,
    host,
    'x-amz-content-sha256': payload,
    'x-amz-date': time,
    ...(token && { 'x-amz-security-token': token }),
  };
  const signedHeaders = Object.keys(all).sort();
  const scope = { date: time.slice(0, 8), region, service, signedHeaders, time };
  const request = { method, url: pathname + search, rawHeaders: Object.entries(all).flat(), payload };
  const signature = computeSignature(request, scope, keys.secretAccessKey);
  const credential = `${keys.accessKeyId}/${scope.date}/${region}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  const { host: _host, ...sent } = all;
  return fetch(url, { method, headers: { ...sent, authorization }, ...(body.length > 0 && { body }) });
}

/** A presigned URL of S3. */
export function presigned(url: string, keys: OwnerKeys, expiresSeconds: number, atMs = Date.now()): string {
  return presign(url, { keys, region: 'us-east-1', expiresSeconds, atMs });
}
