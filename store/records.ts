import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Forecast, InstanceRecord, JobRecord } from '../jobs/record.ts';
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

interface RenamedAttributes {
  reportedAtMs?: number;
  forecast?: Forecast | undefined;
  fatalError?: string;
}

/**
 * These attributes by their names now and by the earlier ones. After a rollback the keeper of an earlier version judges
 * instances whose agents are of this version. If it found no report it would end them, with the jobs that they run, and
 * take the fleet for one that starts no job.
 */
export function withEarlierNames(attributes: RenamedAttributes) {
  const { reportedAtMs, forecast, fatalError } = attributes;
  return { ...attributes, heardAtMs: reportedAtMs, outlook: forecast, lastWords: fatalError };
}

/** Undefined: the item is not that of an instance. */
export function parseInstance(item: Item): InstanceRecord | undefined {
  const record = fromItem(item);
  const { heardAtMs = 0, reportedAtMs = 0 } = record;
  // The last report is by the earlier names alone: an agent of an earlier version has followed one of this version.
  const isEarlierLast = Number(heardAtMs) > Number(reportedAtMs);
  for (const [earlier, name] of Object.entries(RENAMED)) {
    const value = record[earlier];
    if (value === undefined) continue;
    if (isEarlierLast || record[name] === undefined) record[name] = value;
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
