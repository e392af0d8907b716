import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type ItemValue, toItem } from './item.ts';
import type { Retirement, Try, TryLog } from './record.ts';

/** Undefined is left out: an attribute that is unknown is absent, never empty. */
type Values = Record<string, ItemValue | Retirement | TryLog | readonly Try[] | undefined>;

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
export function updateExpression(change: Change): {
  ConditionExpression?: string;
  UpdateExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues?: Record<string, AttributeValue>;
} {
  const { condition, values = {}, set = {}, setOnce = {}, append = {}, add = {}, remove = [] } = change;
  const update = [
    clause('SET', [
      ...defined(set).map((path) => `${alias(path)} = ${placeholder('set', path)}`),
      ...defined(setOnce).map((name) => `#${name} = if_not_exists(#${name}, :set_${name})`),
      ...defined(append).map(
        (name) => `#${name} = list_append(if_not_exists(#${name}, :none), :append_${name})`,
      ),
    ]),
    clause(
      'ADD',
      defined(add).map((name) => `#${name} :add_${name}`),
    ),
    clause(
      'REMOVE',
      remove.map((name) => `#${name}`),
    ),
  ].join('');
  const allValues = toItem({
    ...values,
    ...placed('set', { ...set, ...setOnce }),
    ...placed('append', append),
    ...(defined(append).length > 0 && { ':none': [] }),
    ...placed('add', add),
  });
  return {
    ...(condition && { ConditionExpression: condition }),
    UpdateExpression: update.trimEnd(),
    ExpressionAttributeNames: aliases(`${condition ?? ''} ${update}`),
    // DynamoDB refuses an empty map of values.
    ...(Object.keys(allValues).length > 0 && { ExpressionAttributeValues: allValues }),
  };
}

function clause(verb: string, actions: readonly string[]): string {
  return actions.length === 0 ? '' : `${verb} ${actions.join(', ')} `;
}

function defined(values: Values): string[] {
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

function placed(kind: string, values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([path, value]) => [placeholder(kind, path), value]));
}

function aliases(expressions: string): Record<string, string> {
  const names = expressions.match(/#\w+/g) ?? [];
  return Object.fromEntries(names.map((name) => [name, name.slice(1)]));
}
