import type { CloudClock } from '../../clock.ts';
import type { ObjectStore } from '../fauxqs-stores.ts';
import type { LifecycleRule } from './lifecycle-rules.ts';
import type { BucketSettings } from './settings.ts';
import type { Versions } from './versions.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Applies the lifecycle rules of buckets, once a day of the cloud's time ("Managing the lifecycle of objects"). The age
 * of objects is real time. Returns a function that stops it.
 */
export function startLifecycleRules(
  clock: CloudClock,
  store: ObjectStore,
  settings: BucketSettings,
  versions: Versions,
): () => void {
  return clock.every(DAY_MS, () => {
    for (const { name } of store.listBuckets()) {
      for (const rule of settings.lifecycleOf(name)) apply(rule, name, versions, clock.now());
    }
  });
}

function apply(rule: LifecycleRule, bucket: string, versions: Versions, nowMs: number): void {
  for (const key of versions.keys(bucket).filter((one) => one.startsWith(rule.prefix))) {
    expireCurrent(rule, bucket, key, versions, nowMs);
    expireNoncurrent(rule, bucket, key, versions, nowMs);
  }
  const { abortion, prefix } = rule;
  if (abortion === undefined) return;
  versions.abortUploads(
    bucket,
    ({ key, startedAt }) => key.startsWith(prefix) && hasPassed(startedAt, abortion, nowMs),
  );
}

function expireCurrent(
  { expiration, removesLoneMarkers }: LifecycleRule,
  bucket: string,
  key: string,
  versions: Versions,
  nowMs: number,
): void {
  const [current, ...older] = versions.of(bucket, key);
  if (!current) return;
  if (current.object) {
    if (expiration !== undefined && hasPassed(current.at, expiration, nowMs)) versions.delete(bucket, key);
  } else if (removesLoneMarkers && older.length === 0) {
    versions.deleteVersion(bucket, key, current.id);
  }
}

function expireNoncurrent(
  { noncurrentExpiration, newerNoncurrentVersions }: LifecycleRule,
  bucket: string,
  key: string,
  versions: Versions,
  nowMs: number,
): void {
  if (noncurrentExpiration === undefined) return;
  const all = [...versions.of(bucket, key)];
  for (const [index, { id }] of all.entries()) {
    const successor = all[index - 1];
    if (!successor || index <= newerNoncurrentVersions) continue;
    if (hasPassed(successor.at, noncurrentExpiration, nowMs)) versions.deleteVersion(bucket, key, id);
  }
}

/** S3 rounds the end of a period up to the next midnight, UTC. */
function hasPassed(since: Date, period: number | Date, nowMs: number): boolean {
  if (period instanceof Date) return nowMs >= period.getTime();
  return nowMs >= Math.ceil((since.getTime() + period * DAY_MS) / DAY_MS) * DAY_MS;
}
