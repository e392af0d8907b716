import { expect, test } from 'vitest';
import { startDynalite } from '../../../services/dynamodb/engine.ts';

/** Longer than any turn of the event loop: without waiting, the calls after the answer would always come too early. */
const SLOW_MS = 100;

const key = { TableName: 'jobs' };
const definition = {
  ...key,
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'listing', AttributeType: 'S' },
  ],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'byListing',
      KeySchema: [{ AttributeName: 'listing', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'ALL' },
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
    },
  ],
  BillingMode: 'PROVISIONED',
  ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
};
const active = {
  Table: { TableStatus: 'ACTIVE', GlobalSecondaryIndexes: [{ IndexStatus: 'ACTIVE' }] },
};

test('however long dynalite takes, a table has the answered state: active, changed, deleted', async () => {
  const dynalite = startDynalite({ tableMs: SLOW_MS });
  await dynalite('CreateTable', definition);
  await dynalite('PutItem', { ...key, Item: { pk: { S: 'a' } } });
  expect(await dynalite('DescribeTable', key)).toMatchObject(active);

  await dynalite('UpdateTable', { ...key, BillingMode: 'PAY_PER_REQUEST' });
  expect(await dynalite('DescribeTable', key)).toMatchObject(active);

  await dynalite('DeleteTable', key);
  await expect(dynalite('DescribeTable', key)).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
  await dynalite('CreateTable', definition);
  expect(await dynalite('Scan', key)).toMatchObject({ Count: 0 });
});
