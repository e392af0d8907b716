import type { IncomingMessage } from 'node:http';
import { AwsError, type Caller } from './service.ts';
import { type Sessions, unknownKey } from './sessions.ts';
import { sha256, verifySignature } from './signature.ts';
import type { SignatureFields } from './signature-fields.ts';

export interface Admission {
  sessions: Sessions;
  /** Whether the request came from a network of instances. */
  fromInstance: boolean;
  /** The time by which clients sign. */
  nowMs: number;
}

/**
 * Identifies the caller by the signature of the request.
 *
 * @param body as it was received; S3 streams it, and is checked against the hash that the client names
 * @throws `AwsError` if the request is not signed, its key is unknown, or it is signed with another secret
 */
export function authenticate(
  request: IncomingMessage,
  fields: SignatureFields | undefined,
  body: Uint8Array | undefined,
  { sessions, fromInstance, nowMs }: Admission,
): Caller {
  if (!fields) throw new AwsError('MissingAuthenticationToken', 'The request is not signed.', 403);
  const { caller, secret } = sessions.identify(fields.accessKeyId, fields.token);
  if (fromInstance && caller.kind === 'owner') throw unknownKey();
  const { method = '', url = '', rawHeaders } = request;
  const payload = body ? sha256(body) : namedHash(request, fields);
  verifySignature({ method, url, rawHeaders, payload }, fields, secret, nowMs);
  return caller;
}

function namedHash(request: IncomingMessage, { expiresInSeconds }: SignatureFields): string {
  const hash = request.headers['x-amz-content-sha256'];
  if (typeof hash === 'string') return hash;
  if (expiresInSeconds !== undefined) return 'UNSIGNED-PAYLOAD';
  const message = 'Missing required header for this request: x-amz-content-sha256';
  throw new AwsError('InvalidRequest', message, 400);
}
