import {
  boolean,
  isStructure,
  optionalBoolean,
  optionalText,
  structures,
  text,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import type { Indexes } from './indexes.ts';
import { removeUnsupported } from './table-input.ts';
import { parseTableName, type TableSettings } from './table-settings.ts';
import { updateTable } from './update-table.ts';

export interface TableStore {
  operations: Record<string, Operation>;
  /** The tables with time to live, and the attribute of the expiry time. */
  expiring(): [table: string, attribute: string][];
  /** Id, ARN or alias of the key that encrypts a table; undefined for DynamoDB's own key. */
  encryptionKeyOf(table: string): string | undefined;
  /** The name of a table's partition key; undefined if there is no such table. */
  partitionKeyOf(table: string): string | undefined;
}

export function tableArn(context: CloudContext, name: string): string {
  if (name.startsWith('arn:')) return name;
  return `arn:aws:dynamodb:${context.region}:${context.accountId}:table/${name}`;
}

/** Operations on tables: dynalite's, with time to live, recovery, protection, encryption and tags added. */
export function createTables(context: CloudContext, indexes: Indexes): TableStore {
  const { dynalite } = indexes;
  const tables = new Map<string, TableSettings>();
  const settingsOf = (input: Input, key = 'TableName'): TableSettings => {
    const name = parseTableName(text(input, key));
    const settings = tables.get(name);
    if (settings) return settings;
    throw new AwsError('ResourceNotFoundException', `Requested resource not found: Table: ${name} not found`);
  };
  const describe = (description: unknown): Record<string, unknown> => {
    const table = isStructure(description) ? indexes.describe(description) : {};
    const name = String(table['TableName']);
    const settings = tables.get(name);
    return {
      ...table,
      TableArn: tableArn(context, name),
      DeletionProtectionEnabled: settings?.deletionProtection ?? false,
      ...(settings?.sse ? { SSEDescription: { Status: 'ENABLED', SSEType: 'KMS' } } : {}),
      GlobalSecondaryIndexes: withArns(table['GlobalSecondaryIndexes'], tableArn(context, name)),
    };
  };
  const resources = (input: Input) => [tableArn(context, parseTableName(text(input, 'TableName')))];
  const onTable = (run: Operation['run']): Operation => ({ resources, run });
  const onArn = (run: Operation['run']): Operation => ({
    resources: (input) => [text(input, 'ResourceArn')],
    run,
  });

  const operations: Record<string, Operation> = {
    CreateTable: onTable(async (input) => {
      const { TableDescription } = await dynalite('CreateTable', removeUnsupported(input));
      const hash = structures(input, 'KeySchema').find(({ KeyType }) => KeyType === 'HASH');
      tables.set(text(input, 'TableName'), {
        partitionKey: hash && text(hash, 'AttributeName'),
        pointInTimeRecovery: false,
        deletionProtection: optionalBoolean(input, 'DeletionProtectionEnabled') ?? false,
        ...(isStructure(input['SSESpecification']) ? { sse: input['SSESpecification'] } : {}),
        tags: new Map(structures(input, 'Tags').map((tag) => [text(tag, 'Key'), String(tag['Value'] ?? '')])),
      });
      return { TableDescription: describe(TableDescription) };
    }),
    DescribeTable: onTable(async (input) => {
      const { Table } = await dynalite('DescribeTable', {
        TableName: parseTableName(text(input, 'TableName')),
      });
      return { Table: describe(Table) };
    }),
    UpdateTable: onTable(async (input) => updateTable(indexes, settingsOf(input), input, describe)),
    DeleteTable: onTable(async (input) => {
      if (settingsOf(input).deletionProtection) {
        const message = `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`;
        throw new AwsError('ValidationException', message);
      }
      const TableName = parseTableName(text(input, 'TableName'));
      indexes.requireIdle(TableName);
      const { TableDescription } = await dynalite('DeleteTable', { TableName });
      const described = describe(TableDescription);
      tables.delete(TableName);
      return { TableDescription: described };
    }),
    ListTables: { run: (input) => dynalite('ListTables', input) },
    ...lifecycleOperations(onTable, settingsOf),
    TagResource: onArn((input) => {
      const { tags } = settingsOf(input, 'ResourceArn');
      for (const tag of structures(input, 'Tags')) tags.set(text(tag, 'Key'), String(tag['Value'] ?? ''));
      return {};
    }),
    UntagResource: onArn((input) => {
      const { tags } = settingsOf(input, 'ResourceArn');
      for (const key of texts(input, 'TagKeys')) tags.delete(key);
      return {};
    }),
    ListTagsOfResource: onArn((input) => ({
      Tags: [...settingsOf(input, 'ResourceArn').tags].map(([Key, Value]) => ({ Key, Value })),
    })),
  };
  return {
    operations,
    encryptionKeyOf: (table) => {
      const { sse } = tables.get(parseTableName(table)) ?? {};
      return sse && optionalText(sse, 'KMSMasterKeyId');
    },
    partitionKeyOf: (table) => tables.get(parseTableName(table))?.partitionKey,
    expiring: () =>
      [...tables].flatMap(([name, { ttlAttribute }]): [string, string][] =>
        ttlAttribute ? [[name, ttlAttribute]] : [],
      ),
  };
}

type OnTable = (run: Operation['run']) => Operation;

/** Time to live and point-in-time recovery. */
function lifecycleOperations(
  onTable: OnTable,
  settingsOf: (input: Input) => TableSettings,
): Record<string, Operation> {
  return {
    UpdateTimeToLive: onTable((input) => {
      const specification = isStructure(input['TimeToLiveSpecification'])
        ? input['TimeToLiveSpecification']
        : {};
      const settings = settingsOf(input);
      if (boolean(specification, 'Enabled')) settings.ttlAttribute = text(specification, 'AttributeName');
      else delete settings.ttlAttribute;
      return { TimeToLiveSpecification: specification };
    }),
    DescribeTimeToLive: onTable((input) => {
      const { ttlAttribute } = settingsOf(input);
      if (!ttlAttribute) return { TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } };
      return { TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: ttlAttribute } };
    }),
    UpdateContinuousBackups: onTable((input) => {
      const specification = input['PointInTimeRecoverySpecification'];
      const settings = settingsOf(input);
      settings.pointInTimeRecovery = boolean(
        isStructure(specification) ? specification : {},
        'PointInTimeRecoveryEnabled',
      );
      return { ContinuousBackupsDescription: describeBackups(settings) };
    }),
    DescribeContinuousBackups: onTable((input) => ({
      ContinuousBackupsDescription: describeBackups(settingsOf(input)),
    })),
  };
}

function describeBackups({ pointInTimeRecovery }: TableSettings): Input {
  return {
    ContinuousBackupsStatus: 'ENABLED',
    PointInTimeRecoveryDescription: {
      PointInTimeRecoveryStatus: pointInTimeRecovery ? 'ENABLED' : 'DISABLED',
    },
  };
}

function withArns(indexes: unknown, table: string): unknown {
  if (!Array.isArray(indexes)) return undefined;
  return indexes.map((index: Input) => ({ ...index, IndexArn: `${table}/index/${index['IndexName']}` }));
}
