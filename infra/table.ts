import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { FleetSettings } from './settings.ts';

/** The index of what is running and living: sparse, as most items have no `listing`. */
export const LISTING_INDEX = 'byListing';

/** The job table, of jobs, instances and the keeper's memory. */
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
  return table;
}
