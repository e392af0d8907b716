import { randomBytes } from 'node:crypto';
import type { ObjectStore, StoredObject } from '../fauxqs-stores.ts';

/** One version of a key; a delete marker has no object. */
export interface Version {
  id: string;
  at: Date;
  object?: StoredObject;
}

/** A multipart upload that is not complete. */
export interface Upload {
  bucket: string;
  key: string;
  startedAt: Date;
}

export type VersioningStatus = 'Enabled' | 'Suspended' | undefined;

/** The result of a deletion ("DeleteObject"). */
export interface Deletion {
  /** The new delete marker, or the deleted version. */
  versionId?: string;
  /** Whether it is a delete marker. */
  isMarker: boolean;
}

/**
 * The bucket that holds an older version while it is read, as fauxqs can only answer for objects in a bucket. No list
 * shows it.
 */
export const READ_BUCKET = 'mayfly-versions-that-are-read';

/** The version id of objects that were written without versioning ("Using versioning in S3 buckets"). */
const NULL_VERSION = 'null';

/**
 * The versions of objects, which fauxqs does not implement. fauxqs holds the current version; the older ones and the
 * delete markers are here. All changes happen inside synchronous calls of fauxqs's store.
 */
export class Versions {
  readonly #store: ObjectStore;
  readonly #statusOf: (bucket: string) => VersioningStatus;
  /** By bucket and key, newest first. Has only keys that were written or deleted with versioning. */
  readonly #histories = new Map<string, Map<string, Version[]>>();
  readonly #remove: ObjectStore['deleteObject'];
  /** The ids that writers reserved, by bucket and key. */
  readonly #reserved = new Map<string, string>();
  /** By their ids. */
  readonly #uploads = new Map<string, Upload>();

  constructor(store: ObjectStore, statusOf: (bucket: string) => VersioningStatus) {
    this.#store = store;
    this.#statusOf = statusOf;
    this.#remove = store.deleteObject.bind(store);
    this.#wrapStore(store);
  }

  isVersioned(bucket: string): boolean {
    return this.#statusOf(bucket) !== undefined;
  }

  /** Reserves the id of the key's next write. It must be used or released before another one is reserved. */
  reserveId(bucket: string, key: string): { id: string; release(): void } {
    const id = this.#newId(bucket);
    const place = `${bucket}/${key}`;
    this.#reserved.set(place, id);
    return { id, release: () => void this.#reserved.delete(place) };
  }

  /** The versions of one key, newest first. */
  of(bucket: string, key: string): readonly Version[] {
    const known = this.#histories.get(bucket)?.get(key);
    if (known) return known;
    const object = this.#current(bucket, key);
    return object ? [{ id: NULL_VERSION, at: object.lastModified, object }] : [];
  }

  /** Keys with versions or delete markers, sorted. */
  keys(bucket: string): string[] {
    const current = this.#store.hasBucket(bucket) ? allObjects(this.#store, bucket) : [];
    const known = this.#histories.get(bucket)?.keys() ?? [];
    return [...new Set([...current.map(({ key }) => key), ...known])].sort();
  }

  /** Adds a delete marker; without versioning, deletes the object. */
  delete(bucket: string, key: string): Deletion {
    const before = this.of(bucket, key);
    this.#remove(bucket, key);
    if (!this.isVersioned(bucket)) return { isMarker: false };
    const marker = { id: this.#newId(bucket), at: new Date() };
    this.#setHistory(bucket, key, [marker, ...before.filter(({ id }) => id !== marker.id)]);
    return { versionId: marker.id, isMarker: true };
  }

  /** Deletes one version permanently. The newest remaining one becomes the current version. */
  deleteVersion(bucket: string, key: string, versionId: string): Deletion {
    const before = this.of(bucket, key);
    const gone = before.find(({ id }) => id === versionId);
    if (!gone) return { versionId, isMarker: false };
    const left = before.filter((version) => version !== gone);
    this.#setHistory(bucket, key, left);
    const [newest] = left;
    if (newest?.object) this.#store.restoreObject(bucket, newest.object);
    else this.#remove(bucket, key);
    return { versionId, isMarker: gone.object === undefined };
  }

  /** Aborts the uploads that `isWanted` selects, and deletes their parts. */
  abortUploads(bucket: string, isWanted: (upload: Upload) => boolean): void {
    for (const [id, upload] of this.#uploads) {
      if (upload.bucket === bucket && isWanted(upload)) this.#store.abortMultipartUpload(id);
    }
  }

  /** Forgets a deleted bucket. */
  forget(bucket: string): void {
    this.#histories.delete(bucket);
  }

  /** Wraps the store's calls for writes and deletions, so that all of them are recorded. */
  #wrapStore(store: ObjectStore): void {
    const put = store.putObject.bind(store);
    store.putObject = (bucket, key, ...content) => {
      const before = this.of(bucket, key);
      return this.#recordWrite(bucket, before, put(bucket, key, ...content));
    };
    const start = store.createMultipartUpload.bind(store);
    store.createMultipartUpload = (bucket, key, ...settings) => {
      const uploadId = start(bucket, key, ...settings);
      this.#uploads.set(uploadId, { bucket, key, startedAt: new Date() });
      return uploadId;
    };
    const complete = store.completeMultipartUpload.bind(store);
    store.completeMultipartUpload = (uploadId, parts) => {
      const place = this.#uploads.get(uploadId);
      const before = place ? this.of(place.bucket, place.key) : [];
      const object = complete(uploadId, parts);
      this.#uploads.delete(uploadId);
      return place ? this.#recordWrite(place.bucket, before, object) : object;
    };
    const abort = store.abortMultipartUpload.bind(store);
    store.abortMultipartUpload = (uploadId) => {
      abort(uploadId);
      this.#uploads.delete(uploadId);
    };
    store.deleteObject = (bucket, key) => void this.delete(bucket, key);
    const list = store.listBuckets.bind(store);
    store.listBuckets = () => list().filter(({ name }) => name !== READ_BUCKET);
  }

  #recordWrite(bucket: string, before: readonly Version[], object: StoredObject): StoredObject {
    if (!this.isVersioned(bucket)) return object;
    const place = `${bucket}/${object.key}`;
    const id = this.#reserved.get(place) ?? this.#newId(bucket);
    this.#reserved.delete(place);
    const version = { id, at: object.lastModified, object };
    this.#setHistory(bucket, object.key, [version, ...before.filter((one) => one.id !== id)]);
    return object;
  }

  #newId(bucket: string): string {
    return this.#statusOf(bucket) === 'Enabled' ? randomBytes(24).toString('base64url') : NULL_VERSION;
  }

  #current(bucket: string, key: string): StoredObject | undefined {
    if (!this.#store.hasBucket(bucket)) return undefined;
    try {
      return this.#store.headObject(bucket, key);
    } catch {
      return undefined;
    }
  }

  #setHistory(bucket: string, key: string, versions: Version[]): void {
    const histories = this.#histories.get(bucket) ?? new Map<string, Version[]>();
    if (versions.length > 0) histories.set(key, versions);
    else histories.delete(key);
    this.#histories.set(bucket, histories);
  }
}

function allObjects(store: ObjectStore, bucket: string): StoredObject[] {
  return store.listObjects(bucket, { maxKeys: Number.MAX_SAFE_INTEGER }).objects;
}
