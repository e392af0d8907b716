import { randomBytes } from 'node:crypto';
import type { ObjectStore, StoredObject } from '../fauxqs-stores.ts';

/** One version of a key; a delete marker has no object. */
export interface Version {
  id: string;
  at: Date;
  object?: StoredObject;
}

/** An upload in parts that is not complete. */
export interface Upload {
  bucket: string;
  key: string;
  startedAt: Date;
}

export type VersioningStatus = 'Enabled' | 'Suspended' | undefined;

/** What a deletion came to ("DeleteObject"). */
export interface Deletion {
  /** The version that was made, a delete marker, or the one that was deleted. */
  versionId?: string;
  /** Whether that one is a delete marker. */
  isMarker: boolean;
}

/** Bucket in which an older version is while it is read: fauxqs knows how to answer for what is in one. No list has it. */
export const READING = 'mayfly-versions-that-are-read';

/** The version of objects that were written without versioning ("Using versioning in S3 buckets"). */
const NULL_VERSION = 'null';

/**
 * The versions of objects, which fauxqs does not know: it has the one that is read without an id, the older ones and the
 * delete markers are here. All of it happens in the store's own calls, which are not interrupted.
 */
export class Versions {
  readonly #store: ObjectStore;
  readonly #statusOf: (bucket: string) => VersioningStatus;
  /** By bucket and key, newest first; only of keys that were written or deleted with versioning. */
  readonly #histories = new Map<string, Map<string, Version[]>>();
  readonly #remove: ObjectStore['deleteObject'];
  /** Ids that were promised to writers, by bucket and key. */
  readonly #promised = new Map<string, string>();
  /** By their ids. */
  readonly #uploads = new Map<string, Upload>();

  constructor(store: ObjectStore, statusOf: (bucket: string) => VersioningStatus) {
    this.#store = store;
    this.#statusOf = statusOf;
    this.#remove = store.deleteObject.bind(store);
    this.#attend(store);
  }

  isVersioned(bucket: string): boolean {
    return this.#statusOf(bucket) !== undefined;
  }

  /** The id that the next write of this key will have. To be used up, or taken back, before another is asked for. */
  promise(bucket: string, key: string): { id: string; takeBack(): void } {
    const id = this.#newId(bucket);
    const place = `${bucket}/${key}`;
    this.#promised.set(place, id);
    return { id, takeBack: () => void this.#promised.delete(place) };
  }

  /** Of one key, newest first. */
  of(bucket: string, key: string): readonly Version[] {
    const known = this.#histories.get(bucket)?.get(key);
    if (known) return known;
    const object = this.#current(bucket, key);
    return object ? [{ id: NULL_VERSION, at: object.lastModified, object }] : [];
  }

  /** Keys that have versions or delete markers, in order. */
  keys(bucket: string): string[] {
    const current = this.#store.hasBucket(bucket) ? allObjects(this.#store, bucket) : [];
    const known = this.#histories.get(bucket)?.keys() ?? [];
    return [...new Set([...current.map(({ key }) => key), ...known])].sort();
  }

  /** Puts a delete marker before the versions; without versioning the object is gone. */
  delete(bucket: string, key: string): Deletion {
    const before = this.of(bucket, key);
    this.#remove(bucket, key);
    if (!this.isVersioned(bucket)) return { isMarker: false };
    const marker = { id: this.#newId(bucket), at: new Date() };
    this.#setHistory(bucket, key, [marker, ...before.filter(({ id }) => id !== marker.id)]);
    return { versionId: marker.id, isMarker: true };
  }

  /** Deletes one version for good. What is the newest then is read without an id. */
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

  /** Gives up the uploads of which this is true, with their parts. */
  abortUploads(bucket: string, isWanted: (upload: Upload) => boolean): void {
    for (const [id, upload] of this.#uploads) {
      if (upload.bucket === bucket && isWanted(upload)) this.#store.abortMultipartUpload(id);
    }
  }

  /** Forgets a bucket that was deleted. */
  forget(bucket: string): void {
    this.#histories.delete(bucket);
  }

  /** Writes and deletions, whoever makes them, go through these calls of the store. */
  #attend(store: ObjectStore): void {
    const put = store.putObject.bind(store);
    store.putObject = (bucket, key, ...content) => {
      const before = this.of(bucket, key);
      return this.#made(bucket, before, put(bucket, key, ...content));
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
      return place ? this.#made(place.bucket, before, object) : object;
    };
    const abort = store.abortMultipartUpload.bind(store);
    store.abortMultipartUpload = (uploadId) => {
      abort(uploadId);
      this.#uploads.delete(uploadId);
    };
    store.deleteObject = (bucket, key) => void this.delete(bucket, key);
    const list = store.listBuckets.bind(store);
    store.listBuckets = () => list().filter(({ name }) => name !== READING);
  }

  #made(bucket: string, before: readonly Version[], object: StoredObject): StoredObject {
    if (!this.isVersioned(bucket)) return object;
    const place = `${bucket}/${object.key}`;
    const id = this.#promised.get(place) ?? this.#newId(bucket);
    this.#promised.delete(place);
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
