import type { Cloud } from '../../local/cloud.ts';

const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });

/** The index of earlier versions. */
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

/** Creates a table like that of a fleet's stack. */
export async function createJobTable({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'CreateTable', {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: KEY_ATTRIBUTES,
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [BY_LISTING, BY_STATE],
  });
}

/** Creates a table like that of an earlier version. */
export async function createOldJobTable({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'CreateTable', {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'listing'].map(text),
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [BY_LISTING],
  });
}

/** Adds the second index, as an update of the stack does. */
export async function addStateIndex({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'UpdateTable', {
    TableName,
    AttributeDefinitions: KEY_ATTRIBUTES,
    GlobalSecondaryIndexUpdates: [{ Create: BY_STATE }],
  });
}
