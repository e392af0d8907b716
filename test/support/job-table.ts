import type { Cloud } from '../../local/cloud.ts';
import {
  INDEX_DEFINITIONS,
  KEY_ATTRIBUTE,
  LISTING_INDEX,
  TABLE_DEFINITION,
} from '../../store/table-schema.ts';

/** As earlier versions have it. */
export const BY_LISTING = INDEX_DEFINITIONS.byListing;
export const BY_STATE = INDEX_DEFINITIONS.byState;
export const KEY_ATTRIBUTES = TABLE_DEFINITION.AttributeDefinitions;

/** Creates a table like that of a fleet's stack. */
export async function createJobTable({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  await call('dynamodb', 'CreateTable', { TableName, ...TABLE_DEFINITION });
}

/** Creates a table like that of an earlier version. */
export async function createOldJobTable({ call }: Pick<Cloud, 'call'>, TableName: string): Promise<void> {
  const keys: readonly string[] = [KEY_ATTRIBUTE, LISTING_INDEX.partitionKey];
  await call('dynamodb', 'CreateTable', {
    TableName,
    ...TABLE_DEFINITION,
    AttributeDefinitions: KEY_ATTRIBUTES.filter(({ AttributeName }) => keys.includes(AttributeName)),
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
