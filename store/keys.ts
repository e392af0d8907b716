import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { KEY_ATTRIBUTE } from './table-schema.ts';

/** The keys of the table's items. Each kind has a prefix of its own, so that a role can be limited to it. */
export const JOB_PREFIX = 'job#';
export const INSTANCE_PREFIX = 'instance#';
/** A group: its lanes, which jobs are out, which wait. */
export const GROUP_PREFIX = 'group#';
/** A target: which job works on it, which groups wait for it. */
export const TARGET_PREFIX = 'target#';
/** The header of a request. */
export const REQUEST_PREFIX = 'request#';
/** A job without a request that waits in its group and has no room in the group's item. */
export const PLACE_PREFIX = 'place#';
/** What the keeper remembers of the fleet, and what operators asked of it. */
export const FLEET_KEY = 'fleet';

export function jobKey(id: string): string {
  return `${JOB_PREFIX}${id}`;
}

export function jobIdIn(key: string): string {
  return key.slice(JOB_PREFIX.length);
}

export function instanceKey(instance: string): string {
  return `${INSTANCE_PREFIX}${instance}`;
}

export function instanceIdIn(key: string): string {
  return key.slice(INSTANCE_PREFIX.length);
}

export function groupKey(name: string): string {
  return `${GROUP_PREFIX}${name}`;
}

export function targetKey(name: string): string {
  return `${TARGET_PREFIX}${name}`;
}

export function requestKey(id: string): string {
  return `${REQUEST_PREFIX}${id}`;
}

/** @param n the place in the line of the group */
export function placeKey(group: string, n: number): string {
  return `${PLACE_PREFIX}${group}#${n}`;
}

/** A key as calls of DynamoDB take it. */
export function itemKey(key: string): Record<string, AttributeValue> {
  return { [KEY_ATTRIBUTE]: { S: key } };
}
