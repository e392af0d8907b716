import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { LISTING_INDEX, STATE_INDEX } from '../store/listing.ts';
import type { FleetSettings } from './props/settings.ts';

/**
 * The job table, of jobs, instances and the keeper's memory. Two indexes, as an update can add one or remove one
 * ("AWS::DynamoDB::Table"): the first is what earlier versions have, and goes with a later one.
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
    // What does not change while a job is in one state: all else would cost a write of the index.
    nonKeyAttributes: ['label', 'group', 'requestId', 'instance'],
  });
  return table;
}
