import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** The values in a record: JSON without null. */
export type ItemValue =
  | string
  | number
  | boolean
  | readonly ItemValue[]
  | { readonly [key: string]: ItemValue };

/** A value as DynamoDB's API has it. */
export function toAttribute(value: ItemValue): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (isList(value)) return { L: value.map(toAttribute) };
  return { M: toItem(value) };
}

/** A record as DynamoDB's API has it, without the attributes that are undefined. */
export function toItem(record: object): Record<string, AttributeValue> {
  const entries = Object.entries(record) as [string, ItemValue | undefined][];
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, toAttribute(value)]])),
  );
}

/** A value that was read from DynamoDB. Throws at a type that no record has (binary, sets). */
export function fromAttribute(attribute: AttributeValue): ItemValue {
  if (attribute.S !== undefined) return attribute.S;
  if (attribute.N !== undefined) return Number(attribute.N);
  if (attribute.BOOL !== undefined) return attribute.BOOL;
  if (attribute.L !== undefined) return attribute.L.map(fromAttribute);
  if (attribute.M !== undefined) return fromItem(attribute.M);
  throw new Error(`an attribute of type ${Object.keys(attribute).join()} is in the table; records have none`);
}

export function fromItem(item: Record<string, AttributeValue>): Record<string, ItemValue> {
  return Object.fromEntries(
    Object.entries(item).flatMap(([key, value]) => (value.NULL ? [] : [[key, fromAttribute(value)]])),
  );
}

function isList(value: ItemValue): value is readonly ItemValue[] {
  return Array.isArray(value);
}
