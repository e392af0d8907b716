import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { InstanceRecord, JobRecord } from '../jobs/record.ts';
import { fromItem } from './item.ts';
import { INSTANCE_PREFIX, JOB_PREFIX } from './keys.ts';
import { KEY_ATTRIBUTE } from './table-schema.ts';

/**
 * Items as records. The key says of what kind an item is. The attributes are not checked one by one: only this project
 * writes items with these keys, and every job is read several times. An attribute that an earlier version did not write
 * is absent, one that a later version writes is kept.
 */

type Item = Record<string, AttributeValue>;

/** Undefined: the item is not that of a job. */
export function parseJob(item: Item): JobRecord | undefined {
  const record = fromItem(item);
  return isJob(record) ? record : undefined;
}

/** Attributes of instances as earlier versions named them, with their names now. */
const RENAMED = { heardAtMs: 'reportedAtMs', outlook: 'forecast', lastWords: 'fatalError' } as const;
export const EARLIER_KEYS: readonly string[] = Object.keys(RENAMED);

/** Undefined: the item is not that of an instance. */
export function parseInstance(item: Item): InstanceRecord | undefined {
  const record = fromItem(item);
  for (const [earlier, name] of Object.entries(RENAMED)) {
    const value = record[earlier];
    if (value === undefined) continue;
    record[name] ??= value;
    delete record[earlier];
  }
  return isInstance(record) ? record : undefined;
}

function isJob(record: object): record is JobRecord {
  return hasKey(record, JOB_PREFIX);
}

function isInstance(record: object): record is InstanceRecord {
  return hasKey(record, INSTANCE_PREFIX);
}

function hasKey(record: object, prefix: string): boolean {
  const key: unknown = KEY_ATTRIBUTE in record ? record[KEY_ATTRIBUTE] : undefined;
  return typeof key === 'string' && key.startsWith(prefix);
}
