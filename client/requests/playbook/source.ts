import { readFileSync } from 'node:fs';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { type FoundVariable, findInExpression, findInTemplates } from './templates.ts';

/** A file of YAML, and the lines of its nodes. */
export interface Source {
  file: string;
  text: string;
  roots: Node[];
  lineOf(offset: number): number;
}

/** Why a file could not be read, with the line that is to blame. */
export class UnreadableError extends Error {
  readonly line: number;

  constructor(reason: string, line = 1) {
    super(reason);
    this.name = 'UnreadableError';
    this.line = line;
  }
}

/** @throws UnreadableError if it is encrypted or not valid YAML */
export function readSource(file: string): Source {
  const text = readFileSync(file, 'utf8');
  if (text.startsWith('$ANSIBLE_VAULT;')) throw new UnreadableError('it is encrypted');
  const lines = new LineCounter();
  // YAML 1.1, as Ansible reads it: `no` is false. Ansible has tags of its own, and warns of a key that is there twice.
  const options = { version: '1.1', lineCounter: lines, uniqueKeys: false, logLevel: 'silent' } as const;
  const documents = parseAllDocuments(text, options) as Document[];
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error) throw new UnreadableError('it is not valid YAML', error.linePos?.[0].line);
  return {
    ...{ file, text },
    roots: documents.flatMap(({ contents }) => contents ?? []),
    lineOf: (offset) => lines.linePos(offset).line,
  };
}

/** A key of an object, and its value. */
export interface Entry {
  key: string;
  offset: number;
  node: Node | null;
  /** Of a scalar. */
  value: unknown;
}

export function entriesOf(map: YAMLMap): Entry[] {
  return map.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    const node = value as Node | null;
    return [
      {
        key: key.source ?? String(key.value),
        offset: offsetOf(key),
        node,
        value: isScalar(node) ? node.value : undefined,
      },
    ];
  });
}

/** The objects of a list. */
export function mapsOf(node: Node | null | undefined): YAMLMap[] {
  return isSeq(node) ? node.items.filter((item) => isMap(item)) : [];
}

/** The texts of a list, or one text. */
export function textsOf(node: Node | null | undefined): { text: string; offset: number }[] {
  const items = isSeq(node) ? node.items : [node];
  return items.flatMap((item) =>
    isScalar(item) && typeof item.value === 'string' ? [{ text: item.value, offset: offsetOf(item) }] : [],
  );
}

/** Keys whose texts are expressions without braces. */
const EXPRESSIONS = /^(when|changed_when|failed_when|until|that|with_\w+)$/;

/** Finds variables about other hosts, at any depth. Offsets are those of the file. */
export function findVariables(source: Source, node: Node | null, key = ''): FoundVariable[] {
  if (isMap(node)) {
    return entriesOf(node).flatMap((entry) => findVariables(source, entry.node, entry.key));
  }
  if (isSeq(node)) return node.items.flatMap((item) => findVariables(source, item as Node, key));
  // What an alias stands for is looked at where its anchor is.
  if (!isScalar(node) || isAlias(node) || typeof node.value !== 'string') return [];
  const quote = node.type?.startsWith('QUOTE') ? 1 : 0;
  const [from, to] = [offsetOf(node) + quote, (node.range?.[1] ?? 0) - quote];
  const text = source.text.slice(from, to);
  const found = EXPRESSIONS.test(key) ? findInExpression(text) : findInTemplates(text);
  return found.map((one) => ({ ...one, offset: one.offset + from }));
}

const offsetOf = (node: Scalar): number => node.range?.[0] ?? 0;
