import { expect, test } from 'vitest';
import {
  FLEET_KEY,
  GROUP_PREFIX,
  groupKey,
  INSTANCE_PREFIX,
  instanceKey,
  JOB_PREFIX,
  jobKey,
  PLACE_PREFIX,
  placeKey,
  REQUEST_PREFIX,
  requestKey,
  TARGET_PREFIX,
  targetKey,
} from '../../store/keys.ts';

const KINDS = [
  [JOB_PREFIX, jobKey('j-1')],
  [INSTANCE_PREFIX, instanceKey('i-1')],
  [GROUP_PREFIX, groupKey('shop/web')],
  [TARGET_PREFIX, targetKey('web-1.example.com')],
  [REQUEST_PREFIX, requestKey('deploy-7')],
  [PLACE_PREFIX, placeKey('shop/web', 12)],
] as const;

test('the key of an item has the prefix of its kind and of no other, so that a right covers one kind', () => {
  for (const [, key] of [...KINDS, ['', FLEET_KEY] as const]) {
    const prefixes = KINDS.map(([prefix]) => prefix).filter((prefix) => key.startsWith(prefix));
    expect(prefixes).toEqual(key === FLEET_KEY ? [] : [`${key.split('#')[0]}#`]);
  }
});

test('the places of two groups have different keys', () => {
  // A group's name may end in digits. It has no #.
  const keys = ['web', 'web1', 'shop/web'].flatMap((group) => [1, 11].map((n) => placeKey(group, n)));
  expect(new Set(keys).size).toBe(keys.length);
  expect(placeKey('shop/web', 12)).toBe('place#shop/web#12');
});
