import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { validationError } from '../errors.ts';
import { type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import {
  booleanProperty,
  documentProperty,
  ignoreErrors,
  mergeTagList,
  numberProperty,
  properties,
  tagChanges,
  tagListProperty,
  textListProperty,
  textProperty,
} from './properties.ts';

const throughput = properties({ ReadCapacityUnits: numberProperty, WriteCapacityUnits: numberProperty });
const keySchema = v.array(properties({ AttributeName: textProperty, KeyType: textProperty }));
const projection = properties({
  NonKeyAttributes: v.optional(textListProperty),
  ProjectionType: v.optional(textProperty),
});
const recovery = properties({
  PointInTimeRecoveryEnabled: v.optional(booleanProperty),
  RecoveryPeriodInDays: v.optional(numberProperty),
});
const onDemand = properties({
  MaxReadRequestUnits: v.optional(numberProperty),
  MaxWriteRequestUnits: v.optional(numberProperty),
});
const globalIndex = properties({
  IndexName: textProperty,
  KeySchema: keySchema,
  OnDemandThroughput: v.optional(onDemand),
  Projection: projection,
  ProvisionedThroughput: v.optional(throughput),
});

const tableSchema = properties({
  AttributeDefinitions: v.optional(
    v.array(properties({ AttributeName: textProperty, AttributeType: textProperty })),
  ),
  BillingMode: v.optional(textProperty),
  ContributorInsightsSpecification: v.optional(documentProperty),
  DeletionProtectionEnabled: v.optional(booleanProperty),
  GlobalSecondaryIndexes: v.optional(v.array(globalIndex)),
  KeySchema: keySchema,
  LocalSecondaryIndexes: v.optional(
    v.array(properties({ IndexName: textProperty, KeySchema: keySchema, Projection: projection })),
  ),
  OnDemandThroughput: v.optional(onDemand),
  PointInTimeRecoverySpecification: v.optional(recovery),
  ProvisionedThroughput: v.optional(throughput),
  SSESpecification: v.optional(
    properties({
      KMSMasterKeyId: v.optional(textProperty),
      SSEEnabled: booleanProperty,
      SSEType: v.optional(textProperty),
    }),
  ),
  TableClass: v.optional(textProperty),
  TableName: v.optional(textProperty),
  Tags: v.optional(tagListProperty),
  TimeToLiveSpecification: v.optional(
    properties({ AttributeName: v.optional(textProperty), Enabled: booleanProperty }),
  ),
  WarmThroughput: v.optional(documentProperty),
});
type TableProps = v.InferOutput<typeof tableSchema>;

/** The API has an explicit value for settings that CloudFormation derives from the presence of the structure. */
function definition(props: TableProps) {
  return {
    AttributeDefinitions: props.AttributeDefinitions ?? [],
    BillingMode: props.BillingMode,
    DeletionProtectionEnabled: props.DeletionProtectionEnabled,
    GlobalSecondaryIndexes: props.GlobalSecondaryIndexes,
    KeySchema: props.KeySchema,
    LocalSecondaryIndexes: props.LocalSecondaryIndexes,
    OnDemandThroughput: props.OnDemandThroughput,
    ProvisionedThroughput: props.ProvisionedThroughput,
    SSESpecification: props.SSESpecification && {
      Enabled: props.SSESpecification.SSEEnabled,
      SSEType: props.SSESpecification.SSEType,
      KMSMasterKeyId: props.SSESpecification.KMSMasterKeyId,
    },
    TableClass: props.TableClass,
  };
}

const UPDATABLE = [
  ...(['BillingMode', 'DeletionProtectionEnabled', 'OnDemandThroughput', 'ProvisionedThroughput'] as const),
  ...(['SSESpecification', 'TableClass'] as const),
];

/** The value for UpdateTable of a property that the template does not have any more. */
const DEFAULTS: Record<string, unknown> = {
  BillingMode: 'PROVISIONED',
  DeletionProtectionEnabled: false,
  SSESpecification: { Enabled: false },
  TableClass: 'STANDARD',
};

interface TableDescription {
  TableArn: string;
  TableStatus: string;
  GlobalSecondaryIndexes?: { IndexName: string; IndexStatus: string }[];
}

async function describeTable(TableName: string, { call }: ResourceContext): Promise<TableDescription> {
  const { Table } = await call('dynamodb', 'DescribeTable', { TableName });
  return Table as TableDescription;
}

/**
 * Waits until the table and its indexes are active and returns the table's attributes. `unwaited` indexes are left out:
 * CloudFormation does not wait until an index that it adds is filled ("AWS::DynamoDB::Table").
 */
async function waitUntilActive(
  TableName: string,
  context: ResourceContext,
  unwaited: ReadonlySet<string> = new Set(),
) {
  const table = await context.until(async () => {
    const { TableStatus, GlobalSecondaryIndexes = [], ...rest } = await describeTable(TableName, context);
    const others = GlobalSecondaryIndexes.filter(({ IndexName }) => !unwaited.has(IndexName));
    const states = [TableStatus, ...others.map((index) => index.IndexStatus)];
    return states.every((state) => state === 'ACTIVE') ? rest : undefined;
  });
  return { physicalId: TableName, attributes: { Arn: table.TableArn } };
}

/** Time to live and point-in-time recovery have API calls of their own. */
async function setFeatures(
  TableName: string,
  props: TableProps,
  previous: Partial<TableProps>,
  { call }: ResourceContext,
): Promise<void> {
  const expiry = props.TimeToLiveSpecification;
  const formerly = previous.TimeToLiveSpecification;
  if (expiry?.Enabled && formerly?.AttributeName !== expiry.AttributeName) {
    await call('dynamodb', 'UpdateTimeToLive', { TableName, TimeToLiveSpecification: expiry });
  } else if (formerly?.Enabled && !expiry?.Enabled) {
    const off = { ...formerly, Enabled: false };
    await call('dynamodb', 'UpdateTimeToLive', { TableName, TimeToLiveSpecification: off });
  }
  const wanted = props.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled ?? false;
  const had = previous.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled ?? false;
  if (wanted !== had) {
    await call('dynamodb', 'UpdateContinuousBackups', {
      TableName,
      PointInTimeRecoverySpecification: {
        PointInTimeRecoveryEnabled: wanted,
        RecoveryPeriodInDays: props.PointInTimeRecoverySpecification?.RecoveryPeriodInDays,
      },
    });
  }
}

async function retag(
  ResourceArn: unknown,
  props: TableProps,
  previous: TableProps,
  context: ResourceContext,
): Promise<void> {
  const { list: Tags, dropped: TagKeys } = tagChanges(props.Tags, previous.Tags, context);
  if (TagKeys.length > 0) await context.call('dynamodb', 'UntagResource', { ResourceArn, TagKeys });
  await context.call('dynamodb', 'TagResource', { ResourceArn, Tags });
}

async function deleteIndex(TableName: string, IndexName: string, { call }: ResourceContext): Promise<void> {
  const GlobalSecondaryIndexUpdates = [{ Delete: { IndexName } }];
  await call('dynamodb', 'UpdateTable', { TableName, GlobalSecondaryIndexUpdates });
}

type TableIndex = NonNullable<TableProps['GlobalSecondaryIndexes']>[number];

/** The indexes that an update creates and deletes. `there` has the names of the table's present indexes. */
function indexChanges(
  props: TableProps,
  previous: TableProps,
  there: readonly string[],
  { rollingBack, uncertain }: ResourceContext,
): { going: string[]; coming: TableIndex[] } {
  const [next = [], before = []] = [props.GlobalSecondaryIndexes, previous.GlobalSecondaryIndexes];
  const text = (indexes: typeof next, name: string) =>
    JSON.stringify(indexes.find(({ IndexName }) => IndexName === name));
  // After a failed update, the present indexes are more reliable than the template of that update.
  const known = (name: string) =>
    text(before, name) ?? (uncertain ? (text(next, name) ?? 'there') : undefined);
  const isOther = (name: string) => text(next, name) !== known(name);
  // "If your stack fails to update and is rolled back while adding a new index, you must manually delete the index."
  const isLeftBehind = (name: string) => rollingBack && text(next, name) === undefined;
  return {
    going: there.filter((name) => isOther(name) && !isLeftBehind(name)),
    coming: next.filter(({ IndexName }) => isOther(IndexName) || !there.includes(IndexName)),
  };
}

/**
 * Creates or deletes one index: CloudFormation changes one in an update ("AWS::DynamoDB::Table").
 *
 * @returns the indexes that are not waited for
 */
async function updateIndexes(
  TableName: string,
  props: TableProps,
  previous: TableProps,
  context: ResourceContext,
): Promise<ReadonlySet<string>> {
  const { GlobalSecondaryIndexes = [] } = await describeTable(TableName, context);
  const there = GlobalSecondaryIndexes.map(({ IndexName }) => IndexName);
  const { going, coming } = indexChanges(props, previous, there, context);
  if (going.length + coming.length > 1) {
    throw validationError('Cannot perform more than one GSI creation or deletion in a single update');
  }
  const wanted = (props.GlobalSecondaryIndexes ?? []).map(({ IndexName }) => IndexName);
  const leftBehind = there.filter((name) => !wanted.includes(name) && !going.includes(name));
  for (const IndexName of going) await deleteIndex(TableName, IndexName, context);
  for (const Create of coming) {
    const { AttributeDefinitions } = props;
    const GlobalSecondaryIndexUpdates = [{ Create }];
    const update = { TableName, AttributeDefinitions, GlobalSecondaryIndexUpdates };
    await context.call('dynamodb', 'UpdateTable', update);
  }
  return new Set([...leftBehind, ...coming.map(({ IndexName }) => IndexName)]);
}

const table = resourceType<TableProps>({
  type: 'AWS::DynamoDB::Table',
  schema: tableSchema,
  createOnly: ['KeySchema', 'LocalSecondaryIndexes', 'TableName'],
  nameProperty: 'TableName',
  taggable: true,
  attributes: ['Arn'],
  async create(props, context) {
    const TableName = props.TableName ?? context.generatedName(255);
    const Tags = mergeTagList(props.Tags, context);
    await context.call('dynamodb', 'CreateTable', { TableName, Tags, ...definition(props) });
    context.reportCreated(TableName);
    const made = await waitUntilActive(TableName, context);
    await setFeatures(TableName, props, {}, context);
    return made;
  },
  async update({ physicalId: TableName, attributes }, props, previous, context) {
    const [next, before] = [definition(props), definition(previous)];
    const names = UPDATABLE.filter((name) => !isDeepStrictEqual(next[name], before[name]));
    const changed = Object.fromEntries(names.map((name) => [name, next[name] ?? DEFAULTS[name]]));
    if (Object.keys(changed).length > 0) {
      await context.call('dynamodb', 'UpdateTable', { TableName, ...changed });
      await waitUntilActive(TableName, context);
    }
    const unwaited = await updateIndexes(TableName, props, previous, context);
    await setFeatures(TableName, props, previous, context);
    await retag(attributes['Arn'], props, previous, context);
    return waitUntilActive(TableName, context, unwaited);
  },
  async delete({ physicalId: TableName }, _props, context) {
    await ignoreErrors(['ResourceNotFoundException'], async () => {
      // "Managing Global Secondary Indexes in DynamoDB": a table cannot be deleted while an index of it is filled.
      const { GlobalSecondaryIndexes = [] } = await describeTable(TableName, context);
      for (const { IndexName, IndexStatus } of GlobalSecondaryIndexes) {
        if (IndexStatus === 'CREATING') await deleteIndex(TableName, IndexName, context);
      }
      await waitUntilActive(TableName, context);
      await context.call('dynamodb', 'DeleteTable', { TableName });
      await context.until(async () => (await describeTable(TableName, context)) && undefined);
    });
  },
});

export const dynamoDbTypes: ResourceType[] = [table];
