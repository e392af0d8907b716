import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AwsError } from '../../front-door/service.ts';
import type { Fauxqs } from '../fauxqs.ts';
import { objectPath, type S3Call } from './actions.ts';
import { READ_BUCKET, type Version, type Versions } from './versions.ts';

export interface VersionStore {
  fauxqs: Fauxqs;
  versions: Versions;
}

/** A call on an object of a versioned bucket, with the version that it names. */
type VersionCall = S3Call & { versionId: string | null };

const READS = new Set(['GetObject', 'HeadObject']);

/** "DeleteBucket": all object versions and delete markers must be deleted before the bucket itself. */
export function refuseUnlessEmpty(versions: Versions, bucket: string): void {
  if (!versions.isVersioned(bucket) || versions.keys(bucket).length === 0) return;
  const message = 'The bucket you tried to delete is not empty. You must delete all versions in the bucket.';
  throw new AwsError('BucketNotEmpty', message, 409);
}

/** The calls that create an object. */
export const WRITES = new Set(['PutObject', 'CopyObject', 'CompleteMultipartUpload']);

/**
 * Serves a call on one object of a versioned bucket. The answer names the version. The writes of an object run one at a
 * time (`turns.ts`), so that each is answered with its own version.
 */
export async function serveVersion(
  request: IncomingMessage,
  response: ServerResponse,
  call: VersionCall,
  store: VersionStore,
): Promise<void> {
  refuseVersionsElsewhere(request, call);
  if (call.action === 'DeleteObject') return deleteObject(response, call, store);
  if (WRITES.has(call.action)) return write(request, response, call, store);
  if (READS.has(call.action)) return read(request, response, call, store);
  await store.fauxqs.serveS3(request, response);
}

function refuseVersionsElsewhere({ headers }: IncomingMessage, { action, versionId }: VersionCall): void {
  const isCopy = String(headers['x-amz-copy-source'] ?? '').includes('?versionId=');
  if (!isCopy && (versionId === null || action === 'DeleteObject' || READS.has(action))) return;
  const message = `The embedded cloud does not implement ${action} of a version.`;
  throw new AwsError('NotImplemented', message, 501);
}

async function write(
  request: IncomingMessage,
  response: ServerResponse,
  { bucket, key }: VersionCall,
  { fauxqs, versions }: VersionStore,
): Promise<void> {
  const reserved = versions.reserveId(bucket, key);
  response.setHeader('x-amz-version-id', reserved.id);
  await fauxqs.serveS3(request, response).finally(reserved.release);
}

function deleteObject(
  response: ServerResponse,
  { bucket, key, versionId }: VersionCall,
  { versions }: VersionStore,
): void {
  const deletion =
    versionId === null ? versions.delete(bucket, key) : versions.deleteVersion(bucket, key, versionId);
  if (deletion.versionId !== undefined) response.setHeader('x-amz-version-id', deletion.versionId);
  if (deletion.isMarker) response.setHeader('x-amz-delete-marker', 'true');
  response.writeHead(204).end();
}

async function read(
  request: IncomingMessage,
  response: ServerResponse,
  { bucket, key, versionId }: VersionCall,
  { fauxqs, versions }: VersionStore,
): Promise<void> {
  const all = versions.of(bucket, key);
  const version = versionId === null ? all[0] : all.find(({ id }) => id === versionId);
  if (version) response.setHeader('x-amz-version-id', version.id);
  if (version && !version.object) response.setHeader('x-amz-delete-marker', 'true');
  if (versionId === null) return fauxqs.serveS3(request, response);
  if (!version) throw new AwsError('NoSuchVersion', 'The specified version does not exist.', 404);
  if (!version.object) {
    const message = 'The specified method is not allowed against this resource.';
    throw new AwsError('MethodNotAllowed', message, 405);
  }
  await readFrom(request, response, version, fauxqs);
}

async function readFrom(
  request: IncomingMessage,
  response: ServerResponse,
  { object }: Version,
  { objects, serveS3 }: Fauxqs,
): Promise<void> {
  if (!object) return;
  const key = randomUUID();
  if (!objects.hasBucket(READ_BUCKET)) objects.createBucket(READ_BUCKET);
  objects.restoreObject(READ_BUCKET, { ...object, key });
  request.url = objectPath(READ_BUCKET, key);
  try {
    await serveS3(request, response);
  } finally {
    objects.deleteObject(READ_BUCKET, key);
  }
}
