import { createHash, createHmac } from 'node:crypto';

/** A request as a server gets it. */
export interface Received {
  method: string;
  /** Path and query, as sent. */
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Judged {
  service: string;
  region: string;
  /** Names of the headers that are signed. */
  signed: string[];
  given: string;
  /** What AWS computes for this request and secret. */
  right: string;
}

/**
 * The signature of a request as AWS judges it: "Create a signed AWS API request" (AWS Identity and Access Management
 * User Guide). Of paths S3 takes the encoded object key once, as the other services take "/", the only one they have here.
 */
export function judge(request: Received, secret: string): Judged {
  const { method, headers, body } = request;
  const { scope, names, given } = authorization(headers);
  const [date = '', region = '', service = ''] = scope.split('/');
  const canonical = [
    method,
    canonicalPath(request.url),
    '',
    ...names.map((name) => `${name}:${headers[name]?.trim().replaceAll(/ +/g, ' ')}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'] ?? sha256(body),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secret}`));
  return { service, region, signed: names, given, right: hmac(key, text).toString('hex') };
}

function authorization({ authorization: header = '' }: Record<string, string>) {
  const parts = /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/.exec(header);
  if (!parts) throw new Error(`not signed: ${header}`);
  const [, scope = '', names = '', given = ''] = parts;
  return { scope, names: names.split(';'), given };
}

/** Every byte but letters, digits, "-", ".", "_" and "~", whatever the client wrote. No request here has a query. */
function canonicalPath(url: string): string {
  const encoded = (part: string) =>
    encodeURIComponent(decodeURIComponent(part)).replaceAll(
      /[!'()*]/g,
      (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  return url.split('/').map(encoded).join('/');
}

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
