import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type ItemValue, toItem } from './item.ts';
import type { Retirement } from './record.ts';

/** Undefined is left out: an attribute that is unknown is absent, never empty. */
type Values = Record<string, ItemValue | Retirement | undefined>;

/** One update of one item. Attribute names stand as `#name` in the condition, values as `:name`. */
export interface Change {
  condition?: string;
  /** What the condition compares with. */
  values?: Values;
  set?: Values;
  /** Set only where the item has no such attribute yet. */
  setOnce?: Values;
  /** Added to a number; one that is absent counts as 0. */
  add?: Record<string, number>;
  remove?: readonly string[];
}

/** A change in DynamoDB's words. Every name is aliased: `state`, `group` and more are reserved there. */
export function updateExpression(change: Change): {
  ConditionExpression?: string;
  UpdateExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Record<string, AttributeValue>;
} {
  const { condition, values = {}, set = {}, setOnce = {}, add = {}, remove = [] } = change;
  const assignments = [
    ...defined(set).map((name) => `#${name} = :set_${name}`),
    ...defined(setOnce).map((name) => `#${name} = if_not_exists(#${name}, :set_${name})`),
  ];
  const clauses = [`SET ${assignments.join(', ')}`];
  if (defined(add).length > 0) clauses.push(`ADD ${defined(add).map((name) => `#${name} :add_${name}`)}`);
  if (remove.length > 0) clauses.push(`REMOVE ${remove.map((name) => `#${name}`)}`);
  const update = clauses.join(' ');
  return {
    ...(condition && { ConditionExpression: condition }),
    UpdateExpression: update,
    ExpressionAttributeNames: aliases(`${condition ?? ''} ${update}`),
    ExpressionAttributeValues: {
      ...toItem(values),
      ...toItem(prefixed(':set_', { ...set, ...setOnce })),
      ...toItem(prefixed(':add_', add)),
    },
  };
}

function defined(values: Values): string[] {
  return Object.keys(values).filter((name) => values[name] !== undefined);
}

function prefixed(prefix: string, values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}

function aliases(expressions: string): Record<string, string> {
  const names = expressions.match(/#\w+/g) ?? [];
  return Object.fromEntries(names.map((alias) => [alias, alias.slice(1)]));
}
