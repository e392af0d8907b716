import type { IncomingMessage } from 'node:http';
import { element, encodeMembers, QUERY_NAMES } from '../../front-door/protocol/xml.ts';
import { readBody } from '../../front-door/request.ts';
import { AwsError } from '../../front-door/service.ts';
import type { Deletion, Versions } from './versions.ts';

/** "DeleteObjects": up to 1,000 keys. */
const MOST_KEYS = 1000;

/**
 * DeleteObjects. Permissions are checked for each key: a key that the caller may not delete fails by itself. A key that
 * does not exist counts as deleted. Resolves with the answer's XML.
 */
export async function deleteObjects(
  request: IncomingMessage,
  bucket: string,
  versions: Versions,
  mayDelete: (key: string, versionId: string | undefined) => boolean,
): Promise<string> {
  const xml = (await readBody(request)).toString('utf8');
  const objects = [...xml.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, object = '']) => ({
    key: memberOf(object, 'Key') ?? '',
    versionId: memberOf(object, 'VersionId'),
  }));
  if (objects.length === 0 || objects.length > MOST_KEYS) {
    const message =
      'The XML you provided was not well-formed or did not validate against our published schema';
    throw new AwsError('MalformedXML', message);
  }
  const quiet = /<Quiet>true<\/Quiet>/.test(xml);
  const results: string[] = [];
  for (const { key, versionId } of objects) {
    const asked = { Key: key, ...(versionId !== undefined && { VersionId: versionId }) };
    if (!mayDelete(key, versionId)) {
      const why = { ...asked, Code: 'AccessDenied', Message: 'Access Denied' };
      results.push(element('Error', members(why)));
      continue;
    }
    const deletion =
      versionId === undefined ? versions.delete(bucket, key) : versions.deleteVersion(bucket, key, versionId);
    if (!quiet) results.push(element('Deleted', members({ ...asked, ...markerOf(deletion) })));
  }
  return element('DeleteResult', results.join(''));
}

function memberOf(object: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(object)?.[1];
  return text === undefined ? undefined : unescapeXml(text);
}

function markerOf({ isMarker, versionId }: Deletion): Record<string, string> {
  if (!isMarker || versionId === undefined) return {};
  return { DeleteMarker: 'true', DeleteMarkerVersionId: versionId };
}

const members = (values: Record<string, string>): string => encodeMembers(values, QUERY_NAMES);

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
