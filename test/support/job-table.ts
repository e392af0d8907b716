import type { Cloud } from '../../local/cloud.ts';

const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });

/** As earlier versions have it. */
export const BY_LISTING = {
  IndexName: 'byListing',
  KeySchema: [{ AttributeName: 'listing', KeyType: 'HASH' }],
  Projection: { ProjectionType: 'ALL' },
};

export const BY_STATE = {
  IndexName: 'byState',
  KeySchema: [
    { AttributeName: 'listed', KeyType: 'HASH' },
    { AttributeName: 'listedAt', KeyType: 'RANGE' },
  ],
  Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['label', 'group', 'requestId', 'instance'] },
};

export const KEY_ATTRIBUTES = ['pk', 'listing', 'listed', 'listedAt'].map(text);

/** A table as the fleet's stack makes it. */
export async function createJobTable({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'CreateTable', {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: KEY_ATTRIBUTES,
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [BY_LISTING, BY_STATE],
  });
}

/** One as an earlier version's stack has made it. */
export async function createOldJobTable({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'CreateTable', {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'listing'].map(text),
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [BY_LISTING],
  });
}

/** What an update of the stack does to it. */
export async function addStateIndex({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'UpdateTable', {
    TableName,
    AttributeDefinitions: KEY_ATTRIBUTES,
    GlobalSecondaryIndexUpdates: [{ Create: BY_STATE }],
  });
}
