import { describe, expect, test } from 'vitest';
import { readKeeperConfig } from '../../keeper/config.ts';

const good = {
  version: 1,
  fleet: 'test',
  groupName: 'group',
  policyArn: 'arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:x',
  queueUrl: 'https://sqs.us-east-1.amazonaws.com/000000000000/jobs',
  table: 'jobs',
  threshold: 1,
  durationSeconds: 60,
};

describe('the keeper’s configuration', () => {
  test('has defaults for absent keys', () => {
    expect(readKeeperConfig(JSON.stringify(good))).toEqual({
      ...good,
      bootBudgetSeconds: 900,
      silentSeconds: 900,
      breakerFailures: 3,
      warmPool: false,
      lanes: 1,
      maxLanes: 100,
      retentionSeconds: 1_209_600,
      recordSeconds: 1_209_600,
    });
  });

  test.each([
    { name: 'not set', json: undefined, says: 'KEEPER_CONFIG is not set' },
    { name: 'not JSON', json: 'fleet=x', says: 'KEEPER_CONFIG is not JSON: fleet=x' },
    {
      name: 'a wrong value',
      json: { ...good, threshold: 0 },
      says: 'threshold is 0; allowed is a whole number from 1 to 1000000',
    },
    {
      name: 'no percentage',
      json: { ...good, lanes: '0%' },
      says: 'lanes is "0%"; allowed is a whole number from 1 to 200, or a percentage from "1%" to "100%"',
    },
    { name: 'an unknown key', json: { ...good, treshold: 1 }, says: 'treshold is not a known key' },
    { name: 'a missing key', json: { ...good, table: undefined }, says: 'table is missing' },
    { name: 'not an object', json: '[]', says: 'version is missing' },
    {
      name: 'two at once',
      json: { ...good, table: '', fleet: 7 },
      says: /fleet is 7; allowed is a text\n {2}table is ""; allowed is a text that is not empty/,
    },
  ])('$name is refused', ({ json, says }) => {
    const text = typeof json === 'object' ? JSON.stringify(json) : json;
    expect(() => readKeeperConfig(text)).toThrow(says);
  });
});
