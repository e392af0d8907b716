import type { IncomingMessage } from 'node:http';
import { element, escapeXml } from '../../front-door/protocol/xml.ts';
import { readBody } from '../../front-door/request.ts';
import { AwsError } from '../../front-door/service.ts';
import type { Fauxqs } from '../fauxqs.ts';
import { objectPath } from './actions.ts';

/** "DeleteObjects": up to 1,000 keys. */
const MOST_KEYS = 1000;

/**
 * DeleteObjects, whose right is that to each single key: one that the caller may not delete fails alone. A key that is
 * not there counts as deleted. Resolves with the answer's XML.
 */
export async function deleteObjects(
  request: IncomingMessage,
  bucket: string,
  fauxqs: Fauxqs,
  mayDelete: (key: string) => boolean,
): Promise<string> {
  const xml = (await readBody(request)).toString('utf8');
  const keys = [...xml.matchAll(/<Key>(.*?)<\/Key>/gs)].map(([, key = '']) => unescapeXml(key));
  if (keys.length === 0 || keys.length > MOST_KEYS) {
    const message =
      'The XML you provided was not well-formed or did not validate against our published schema';
    throw new AwsError('MalformedXML', message);
  }
  const quiet = /<Quiet>true<\/Quiet>/.test(xml);
  const results: string[] = [];
  for (const key of keys) {
    if (!mayDelete(key)) {
      const why = { Key: key, Code: 'AccessDenied', Message: 'Access Denied' };
      results.push(element('Error', members(why)));
      continue;
    }
    await fauxqs.s3({ method: 'DELETE', url: objectPath(bucket, key) });
    if (!quiet) results.push(element('Deleted', members({ Key: key })));
  }
  return element('DeleteResult', results.join(''));
}

const members = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([name, value]) => element(name, escapeXml(value)))
    .join('');

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return NAMED[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
