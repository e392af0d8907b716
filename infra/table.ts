import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { LISTING_INDEX, STATE_INDEX } from '../store/listing.ts';
import type { FleetSettings } from './props/settings.ts';

/**
 * The table of jobs, instances and the keeper's state. It has two indexes, as an update can create or delete only one
 * ("AWS::DynamoDB::Table"): fleets that are already deployed have the first one.
 */
export function jobTable(
  scope: Construct,
  { removalPolicy, encryptionKeys }: Pick<FleetSettings, 'removalPolicy' | 'encryptionKeys'>,
): Table {
  const { table: encryptionKey } = encryptionKeys;
  const table = new Table(scope, 'Table', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    timeToLiveAttribute: 'expires',
    ...(encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
    removalPolicy,
  });
  table.addGlobalSecondaryIndex({
    indexName: LISTING_INDEX,
    partitionKey: { name: 'listing', type: AttributeType.STRING },
    projectionType: ProjectionType.ALL,
  });
  table.addGlobalSecondaryIndex({
    indexName: STATE_INDEX,
    partitionKey: { name: 'listed', type: AttributeType.STRING },
    sortKey: { name: 'listedAt', type: AttributeType.STRING },
    projectionType: ProjectionType.INCLUDE,
    // Attributes that do not change while a job is in one state. Any other would cost additional writes to the index.
    nonKeyAttributes: ['label', 'group', 'requestId', 'instance'],
  });
  return table;
}
