import { element, encodeMembers, QUERY_NAMES } from '../../front-door/protocol/xml.ts';
import { AwsError } from '../../front-door/service.ts';
import type { Version, Versions } from './versions.ts';

/** "ListObjectVersions": the maximum number of versions in one answer. */
const MOST_VERSIONS = 1000;

interface Listed extends Version {
  key: string;
  isLatest: boolean;
}

/** The answer to ListObjectVersions, sorted by key and then newest first. */
export function listVersions(versions: Versions, bucket: string, query: URLSearchParams): string {
  if (query.get('delimiter')) {
    throw new AwsError('NotImplemented', 'The embedded cloud lists no versions by delimiter.', 501);
  }
  const prefix = query.get('prefix') ?? '';
  const all = versions
    .keys(bucket)
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) => versions.of(bucket, key).map((one, age) => ({ ...one, key, isLatest: age === 0 })));
  const from = startOf(all, query.get('key-marker') ?? '', query.get('version-id-marker') ?? '');
  const most = Math.min(Number(query.get('max-keys') ?? MOST_VERSIONS), MOST_VERSIONS);
  const page = all.slice(from, from + most);
  const last = page.at(-1);
  const isTruncated = last !== undefined && from + most < all.length;
  const next = isTruncated ? { NextKeyMarker: last.key, NextVersionIdMarker: last.id } : {};
  const head = { Name: bucket, Prefix: prefix, MaxKeys: String(most), IsTruncated: String(isTruncated) };
  return element(
    'ListVersionsResult',
    encodeMembers({ ...head, ...next }, QUERY_NAMES) + page.map(describeVersion).join(''),
  );
}

/** The index of the page's first item: after the marker's version, or after all versions of the marker's key. */
function startOf(all: Listed[], keyMarker: string, versionIdMarker: string): number {
  if (keyMarker === '') return 0;
  const exact = all.findIndex(({ key, id }) => key === keyMarker && id === versionIdMarker);
  if (exact >= 0) return exact + 1;
  const next = all.findIndex(({ key }) => key > keyMarker);
  return next < 0 ? all.length : next;
}

function describeVersion({ key, id, at, isLatest, object }: Listed): string {
  const common = { Key: key, VersionId: id, IsLatest: String(isLatest), LastModified: at.toISOString() };
  if (!object) return element('DeleteMarker', encodeMembers(common, QUERY_NAMES));
  const { etag, contentLength } = object;
  const own = { ETag: etag, Size: String(contentLength), StorageClass: 'STANDARD' };
  return element('Version', encodeMembers({ ...common, ...own }, QUERY_NAMES));
}
