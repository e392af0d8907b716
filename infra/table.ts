import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { EXPIRY_ATTRIBUTE, KEY_ATTRIBUTE, LISTING_INDEX, STATE_INDEX } from '../store/table-schema.ts';
import type { FleetSettings } from './props/settings.ts';

/**
 * The table of jobs, instances and the keeper's state. It has two indexes, as an update can create or delete only one
 * ("AWS::DynamoDB::Table"): fleets that are already deployed have the first one.
 */
export function createTable(
  scope: Construct,
  { removalPolicy, encryptionKeys }: Pick<FleetSettings, 'removalPolicy' | 'encryptionKeys'>,
): Table {
  const { table: encryptionKey } = encryptionKeys;
  const table = new Table(scope, 'Table', {
    partitionKey: { name: KEY_ATTRIBUTE, type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    timeToLiveAttribute: EXPIRY_ATTRIBUTE,
    ...(encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
    removalPolicy,
  });
  table.addGlobalSecondaryIndex({
    indexName: LISTING_INDEX.name,
    partitionKey: { name: LISTING_INDEX.partitionKey, type: AttributeType.STRING },
    projectionType: ProjectionType.ALL,
  });
  table.addGlobalSecondaryIndex({
    indexName: STATE_INDEX.name,
    partitionKey: { name: STATE_INDEX.partitionKey, type: AttributeType.STRING },
    sortKey: { name: STATE_INDEX.sortKey, type: AttributeType.STRING },
    projectionType: ProjectionType.INCLUDE,
    nonKeyAttributes: [...STATE_INDEX.projected],
  });
  return table;
}
