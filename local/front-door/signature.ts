import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AwsError } from './service.ts';
import type { SignatureFields } from './signature-fields.ts';

/** The signed parts of a request. */
export interface SignedRequest {
  method: string;
  /** Path and query, as received. */
  url: string;
  /** Names and values in turn, as received (Node's `rawHeaders`). */
  rawHeaders: readonly string[];
  /** SHA-256 of the body in hexadecimal, or what S3 accepts instead: `UNSIGNED-PAYLOAD`, `STREAMING-...`. */
  payload: string;
}

type CredentialScope = Pick<SignatureFields, 'date' | 'region' | 'service' | 'signedHeaders' | 'time'>;

/**
 * The signature that AWS computes ("Create a signed AWS API request", IAM User Guide). The path is URI-encoded once
 * more; S3's is used as received.
 */
export function computeSignature(request: SignedRequest, scope: CredentialScope, secret: string): string {
  const { date, region, service, signedHeaders } = scope;
  const [path = '', query = ''] = split(request.url, '?');
  const canonical = [
    request.method,
    service === 's3' ? path.split('/').map(encodedOnce).join('/') : encodedTwice(path),
    canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${headerValue(request.rawHeaders, name)}`),
    '',
    signedHeaders.join(';'),
    request.payload,
  ].join('\n');
  // Node reads headers as Latin-1, so these are the received bytes.
  const hash = sha256(Buffer.from(canonical, 'latin1'));
  const text = ['AWS4-HMAC-SHA256', scope.time, `${date}/${region}/${service}/aws4_request`, hash].join('\n');
  return hmac(signingKey(secret, date, region, service), text).toString('hex');
}

/**
 * Refuses a request that is not signed with the secret, or whose signature is too old.
 *
 * @param nowMs the time by which clients sign
 * @throws `AwsError`
 */
export function verifySignature(
  request: SignedRequest,
  fields: SignatureFields,
  secret: string,
  nowMs: number,
): void {
  const right = Buffer.from(computeSignature(request, fields, secret));
  const given = Buffer.from(fields.signature);
  const same = right.length === given.length && timingSafeEqual(right, given);
  // A signature without the host could be replayed to another server.
  if (!same || !fields.signedHeaders.includes('host')) throw doesNotMatch();
  verifyTime(fields, nowMs);
}

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** "Authenticating Requests (AWS Signature Version 4)": 15 minutes in S3, five minutes elsewhere. */
const LONGEST_SKEW_MS = { s3: 15 * 60_000, others: 5 * 60_000 };
/** "Authenticating Requests: Using Query Parameters": a week. */
const LONGEST_EXPIRY_SECONDS = 604_800;

function verifyTime({ service, time, date, expiresInSeconds }: SignatureFields, nowMs: number): void {
  const [, day, hour, minute, second] = /^(\d{8})T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const signedAtMs = Date.parse(`${day?.replace(/(....)(..)(..)/, '$1-$2-$3')}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedAtMs) || day !== date) throw doesNotMatch();
  const longest = service === 's3' ? LONGEST_SKEW_MS.s3 : LONGEST_SKEW_MS.others;
  if (expiresInSeconds === undefined) {
    if (Math.abs(nowMs - signedAtMs) > longest) throw skewed(time, nowMs);
    return;
  }
  if (!(expiresInSeconds >= 1 && expiresInSeconds <= LONGEST_EXPIRY_SECONDS)) {
    const message = `X-Amz-Expires must be between 1 and ${LONGEST_EXPIRY_SECONDS} seconds`;
    throw new AwsError('AuthorizationQueryParametersError', message, 400);
  }
  if (nowMs > signedAtMs + expiresInSeconds * 1000 || signedAtMs > nowMs + longest) {
    throw new AwsError('AccessDenied', 'Request has expired', 403);
  }
}

function doesNotMatch(): AwsError {
  const message =
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access ' +
    'Key and signing method. The embedded cloud draws a new secret at each start: set the variables that it prints.';
  return new AwsError('SignatureDoesNotMatch', message, 403);
}

function skewed(time: string, nowMs: number): AwsError {
  const now = new Date(nowMs).toISOString();
  const message = `The difference between the request time and the current time is too large: ${time}, ${now}`;
  return new AwsError('RequestTimeTooSkewed', message, 403);
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Signing keys, derived from a secret for a day, a region and a service. Most calls need one of the last few. */
const keys = new Map<string, Buffer>();
const MOST_KEYS = 1000;

function signingKey(secret: string, ...scope: string[]): Buffer {
  const name = [secret, ...scope].join(' ');
  const known = keys.get(name);
  if (known) return known;
  const key = [...scope, 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secret}`));
  if (keys.size >= MOST_KEYS) keys.clear();
  keys.set(name, key);
  return key;
}

/** Sorted, encoded once, without the signature itself. */
function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith('X-Amz-Signature='))
    .map((pair) => split(pair, '=').map((part) => encodedOnce(part.replaceAll('+', ' '))))
    .sort(([a = '', x = ''], [b = '', y = '']) => compare(a, b) || compare(x, y))
    .map(([name, value = '']) => `${name}=${value}`)
    .join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** All values of a header in the order of the request, without redundant spaces. */
function headerValue(rawHeaders: readonly string[], name: string): string {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== name) continue;
    values.push((rawHeaders[at + 1] ?? '').trim().replaceAll(/ +/g, ' '));
  }
  return values.join(',');
}

/** Encodes every byte but letters, digits, "-", ".", "_" and "~", whatever the client encoded. */
function encodedOnce(part: string): string {
  try {
    return encode(decodeURIComponent(part));
  } catch {
    throw doesNotMatch();
  }
}

/** Encodes a path without dot segments and empty ones, as SDKs do before they sign. */
function encodedTwice(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(encode(part));
  }
  return `/${parts.join('/')}${path.endsWith('/') && parts.length > 0 ? '/' : ''}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function split(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
