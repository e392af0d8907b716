import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { validationError } from '../errors.ts';

/**
 * Parses JSON or YAML into a plain object. YAML's short intrinsics (`!Ref`, `!Sub`, ...) become their long form. This
 * does not support the features of YAML 1.1 that CloudFormation does not support either: aliases, time stamps, binary
 * and sets ("CloudFormation template formats").
 */
export function parseTemplateText(text: string): Record<string, unknown> {
  const value = text.trimStart().startsWith('{') ? parseJson(text) : parseYaml(text);
  if (!isRecord(value)) throw validationError('Template format error: unsupported structure.');
  return value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw validationError(`Template format error: JSON not well-formed. (${detail})`);
  }
}

const UNSUPPORTED_YAML = /:(timestamp|binary|omap|pairs|set|merge)$/;

function parseYaml(text: string): unknown {
  const document = parseDocument(text, {
    version: '1.1',
    logLevel: 'silent',
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !UNSUPPORTED_YAML.test(tag.tag)),
  });
  const problem = document.errors[0];
  if (problem) {
    const at = problem.linePos?.[0];
    const where = at ? ` (line ${at.line}, column ${at.col})` : '';
    throw validationError(`Template format error: YAML not well-formed.${where} ${problem.message}`);
  }
  return plain(document.contents);
}

function plain(node: Node | null): unknown {
  if (node === null) return null;
  if (isAlias(node)) {
    throw validationError('Template error: YAML aliases are not allowed in CloudFormation templates');
  }
  const tag = node.tag;
  const value = untagged(node);
  return tag?.startsWith('!') ? longForm(tag.slice(1), value) : value;
}

function untagged(node: Node): unknown {
  if (isScalar(node)) return node.value;
  if (isSeq<Node | null>(node)) return node.items.map(plain);
  if (isMap<Node, Node | null>(node)) {
    return Object.fromEntries(node.items.map(({ key, value }) => [String(plain(key)), plain(value)]));
  }
  throw validationError('Template format error: unsupported structure.');
}

const SHORT_FUNCTIONS = new Set([
  ...[
    'And',
    'Base64',
    'Cidr',
    'Contains',
    'EachMemberEquals',
    'EachMemberIn',
    'Equals',
    'FindInMap',
    'GetAZs',
  ],
  ...['If', 'ImportValue', 'Join', 'Length', 'Not', 'Or', 'RefAll', 'Select', 'Split', 'Sub', 'ToJsonString'],
  ...['Transform', 'ValueOf', 'ValueOfAll'],
]);

function longForm(name: string, value: unknown): unknown {
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  if (name === 'GetAtt') return { 'Fn::GetAtt': value };
  if (SHORT_FUNCTIONS.has(name)) return { [`Fn::${name}`]: value };
  throw validationError(`Template format error: unsupported YAML tag !${name}`);
}
