import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type ItemValue, toAttribute } from './item.ts';
import type { Outlook, Retirement, Try, TryLog } from '../jobs/record.ts';

/** Undefined is left out: an attribute that is unknown is absent, never empty. */
type Values = Record<string, ItemValue | Outlook | Retirement | TryLog | readonly Try[] | undefined>;

/** One update of one item. Attribute names stand as `#name` in the condition, values as `:name`. */
export interface Change {
  condition?: string;
  /** What the condition compares with. */
  values?: Values;
  /** By name, or by a path into what is there: `tries[2].log`. */
  set?: Values;
  /** Set only where the item has no such attribute yet. */
  setOnce?: Values;
  /** Put at the end of a list; one that is absent counts as empty. */
  append?: Values;
  /** Added to a number; one that is absent counts as 0. */
  add?: Record<string, number>;
  remove?: readonly string[];
}

/** A change in DynamoDB's words. Every name is aliased: `state`, `group` and more are reserved there. */
export function updateExpression(change: Change): Words & {
  ExpressionAttributeValues?: Record<string, AttributeValue>;
} {
  const values = valuesOf(change);
  return {
    ...wordsOf(change),
    // DynamoDB refuses an empty map of values.
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
}

interface Words {
  ConditionExpression?: string;
  UpdateExpression: string;
  ExpressionAttributeNames: Record<string, string>;
}

/** Every job brings the same two or three changes, with other values. */
const wordsByShape = new Map<string, Words>();
const MOST_SHAPES = 100;

function wordsOf({ condition = '', set, setOnce, append, add, remove = [] }: Change): Words {
  const shape: Shape = [condition, defined(set), defined(setOnce), defined(append), defined(add), remove];
  const key = shape.join(' ; ');
  const known = wordsByShape.get(key);
  if (known) return known;
  const words = makeWords(shape);
  if (wordsByShape.size >= MOST_SHAPES) wordsByShape.clear();
  wordsByShape.set(key, words);
  return words;
}

type Names = readonly string[];
type Shape = readonly [
  condition: string,
  set: Names,
  setOnce: Names,
  append: Names,
  add: Names,
  remove: Names,
];

function makeWords([condition, set, setOnce, append, add, remove]: Shape): Words {
  const update = [
    clause('SET', [
      ...set.map((path) => `${alias(path)} = ${placeholder('set', path)}`),
      ...setOnce.map((name) => `#${name} = if_not_exists(#${name}, :set_${name})`),
      ...append.map((name) => `#${name} = list_append(if_not_exists(#${name}, :none), :append_${name})`),
    ]),
    clause(
      'ADD',
      add.map((name) => `#${name} :add_${name}`),
    ),
    clause(
      'REMOVE',
      remove.map((name) => `#${name}`),
    ),
  ].join('');
  return {
    ...(condition && { ConditionExpression: condition }),
    UpdateExpression: update.trimEnd(),
    ExpressionAttributeNames: aliases(`${condition} ${update}`),
  };
}

function valuesOf({ values, set, setOnce, append, add }: Change): Record<string, AttributeValue> {
  const item: Record<string, AttributeValue> = {};
  const put = (given: Values | undefined, named: (name: string) => string) => {
    for (const [name, value] of Object.entries(given ?? {})) {
      if (value !== undefined) item[named(name)] = toAttribute(value as ItemValue);
    }
  };
  put(values, (name) => name);
  put(set, (path) => placeholder('set', path));
  put(setOnce, (name) => placeholder('set', name));
  put(append, (name) => placeholder('append', name));
  if (defined(append).length > 0) item[':none'] = { L: [] };
  put(add, (name) => placeholder('add', name));
  return item;
}

function clause(verb: string, actions: readonly string[]): string {
  return actions.length === 0 ? '' : `${verb} ${actions.join(', ')} `;
}

function defined(values: Values = {}): string[] {
  return Object.keys(values).filter((name) => values[name] !== undefined);
}

/** `tries[2].log` is `#tries[2].#log`. */
function alias(path: string): string {
  return path.replace(/\w+(?![\w\]])/g, '#$&');
}

/** Values have plain names. */
function placeholder(kind: string, path: string): string {
  return `:${kind}_${path.replaceAll(/\W+/g, '_')}`;
}

function aliases(expressions: string): Record<string, string> {
  const names = expressions.match(/#\w+/g) ?? [];
  return Object.fromEntries(names.map((name) => [name, name.slice(1)]));
}
