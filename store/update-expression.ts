import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Forecast, Retirement, Try, TryLog } from '../jobs/record.ts';
import { type ItemValue, toAttribute } from './item.ts';

/** Undefined is left out: an unknown attribute is absent. */
type Values = Record<string, ItemValue | Forecast | Retirement | TryLog | readonly Try[] | undefined>;

/** One update of one item. In the condition attribute names are written as `#name`, values as `:name`. */
export interface Change {
  condition?: string;
  /** The values of the condition. */
  values?: Values;
  /** By name, or by a document path: `tries[2].log`. */
  set?: Values;
  /** Set only if the item does not have the attribute yet. */
  setOnce?: Values;
  /** Appended to a list. An absent list counts as empty. */
  append?: Values;
  /** Added to a number. An absent number counts as 0. */
  add?: Record<string, number>;
  remove?: readonly string[];
}

/** A change as DynamoDB's API has it. Every name has a placeholder: `state`, `group` and others are reserved words. */
export function updateExpression(change: Change): Expressions & {
  ExpressionAttributeValues?: Record<string, AttributeValue>;
} {
  const values = valuesOf(change);
  return {
    ...expressionsFor(change),
    // DynamoDB refuses an empty map of values.
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  };
}

interface Expressions {
  ConditionExpression?: string;
  UpdateExpression: string;
  ExpressionAttributeNames: Record<string, string>;
}

/** Every job has the same few changes with other values, so their expressions are cached. */
const expressionsByShape = new Map<string, Expressions>();
const MOST_SHAPES = 100;

function expressionsFor({ condition = '', set, setOnce, append, add, remove = [] }: Change): Expressions {
  const shape: Shape = [condition, defined(set), defined(setOnce), defined(append), defined(add), remove];
  const key = shape.join(' ; ');
  const known = expressionsByShape.get(key);
  if (known) return known;
  const expressions = buildExpressions(shape);
  if (expressionsByShape.size >= MOST_SHAPES) expressionsByShape.clear();
  expressionsByShape.set(key, expressions);
  return expressions;
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

function buildExpressions([condition, set, setOnce, append, add, remove]: Shape): Expressions {
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

/** `tries[2].log` is `:set_tries_2_log`. */
function placeholder(kind: string, path: string): string {
  return `:${kind}_${path.replaceAll(/\W+/g, '_')}`;
}

function aliases(expressions: string): Record<string, string> {
  const names = expressions.match(/#\w+/g) ?? [];
  return Object.fromEntries(names.map((name) => [name, name.slice(1)]));
}
