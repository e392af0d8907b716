import type { AwsError, Input, Output, Service } from '../service.ts';
import { element, encodeMembers, escapeXml, QUERY_NAMES } from './xml.ts';

/**
 * The AWS Query protocol: `A.member.1.B=x` in, XML out (Smithy: "AWS query protocol"). Requests of EC2's variant have
 * the same form.
 */

type Tree = Map<string, Tree | string>;

/** Turns parameters into nested structures: numbers, or `member`, make a list; `entry` makes a map. */
export function decodeParameters(parameters: URLSearchParams): Input {
  const root: Tree = new Map();
  for (const [key, value] of parameters) {
    if (key === 'Action' || key === 'Version') continue;
    plant(root, key.split('.'), value);
  }
  return Object.fromEntries([...root].map(([name, node]) => [name, decodeNode(node)]));
}

function plant(tree: Tree, path: string[], value: string): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) {
    if (!tree.has(head)) tree.set(head, value);
    return;
  }
  const found = tree.get(head);
  const branch: Tree = found instanceof Map ? found : new Map();
  tree.set(head, branch);
  plant(branch, rest, value);
}

function decodeNode(node: Tree | string): unknown {
  if (typeof node === 'string') return node;
  const [only] = node.size === 1 ? node.keys() : [];
  if (only === 'member') return decodeNode(node.get('member') ?? '');
  if (only === 'entry') return decodeMap(decodeNode(node.get('entry') ?? ''));
  const entries = [...node];
  if (entries.every(([name]) => /^\d+$/.test(name))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, child]) => decodeNode(child));
  }
  return Object.fromEntries(entries.map(([name, child]) => [name, decodeNode(child)]));
}

function decodeMap(entries: unknown): Input {
  const pairs = Array.isArray(entries) ? (entries as { key?: string; value?: unknown }[]) : [];
  return Object.fromEntries(pairs.map(({ key, value }) => [key ?? '', value]));
}

export function encodeQueryAnswer(
  service: Service,
  action: string,
  output: Output,
  requestId: string,
): string {
  const members = output ?? {};
  const result = service.query?.encode(action, members) ?? encodeMembers(members, QUERY_NAMES);
  const metadata = element('ResponseMetadata', element('RequestId', requestId));
  const opening = `<${action}Response xmlns="${service.xmlNamespace ?? ''}">`;
  return `${opening}${element(`${action}Result`, result)}${metadata}</${action}Response>`;
}

export function encodeQueryError(service: Service | undefined, error: AwsError, requestId: string): string {
  const code = service?.queryErrorCodes?.[error.code] ?? error.code;
  const fault = error.status >= 500 ? 'Receiver' : 'Sender';
  const children =
    element('Type', fault) + element('Code', escapeXml(code)) + element('Message', escapeXml(error.message));
  const opening = `<ErrorResponse xmlns="${service?.xmlNamespace ?? ''}">`;
  return `${opening}${element('Error', children)}${element('RequestId', requestId)}</ErrorResponse>`;
}
