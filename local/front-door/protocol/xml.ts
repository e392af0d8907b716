import { isStructure } from '../read.ts';

/** `<name>content</name>`; `content` must be XML. */
export function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 cannot contain these characters.
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;
const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#xD;',
};

export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r]/g, (found) => ENTITIES[found] ?? found).replace(UNWRITABLE, '\ufffd');
}

export interface XmlNames {
  /** The element name of list items: `member` (Query) or `item` (EC2). */
  item: string;
  /** The element of a member, by its parent's name. */
  element(name: string, value: unknown, parent: string): string;
}

export const QUERY_NAMES: XmlNames = { item: 'member', element: (name) => name };

/** The members of a structure as XML elements. Undefined ones are left out, as AWS does. */
export function encodeMembers(value: Record<string, unknown>, names: XmlNames, parent = ''): string {
  let xml = '';
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined || member === null) continue;
    const tag = names.element(name, member, parent);
    xml += element(tag, encodeValue(member, names, name));
  }
  return xml;
}

function encodeValue(value: unknown, names: XmlNames, parent: string): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) {
    return value.map((item) => element(names.item, encodeValue(item, names, parent))).join('');
  }
  if (isStructure(value)) return encodeMembers(value, names, parent);
  return escapeXml(String(value));
}
