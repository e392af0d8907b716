import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type CreateGlobalSecondaryIndexAction,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  type GlobalSecondaryIndexUpdate,
  type KeysAndAttributes,
  ListTagsOfResourceCommand,
  PutItemCommand,
  QueryCommand,
  TagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSimulatedClock } from '../../clock.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';

const clock = createSimulatedClock();
let cloud: TestCloud;
let dynamodb: DynamoDBClient;
let TableName: string;
let count = 0;

beforeAll(async () => {
  cloud = await startTestCloud({ clock });
  dynamodb = new DynamoDBClient(cloud.client);
});
afterAll(async () => {
  dynamodb.destroy();
  await cloud.close();
});
beforeEach(async () => {
  count += 1;
  TableName = `table-${count}`;
  await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
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
        },
      ],
      Tags: [{ Key: 'made', Value: 'with' }],
    }),
  );
});

const arn = () => `arn:aws:dynamodb:us-east-1:000000000000:table/${TableName}`;
const put = (pk: string, rest: object = {}) =>
  dynamodb.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, ...rest } }));
const get = async (pk: string) =>
  (await dynamodb.send(new GetItemCommand({ TableName, Key: { pk: { S: pk } } }))).Item;

describe('items', () => {
  const claim = (fence: string) =>
    dynamodb.send(
      new UpdateItemCommand({
        TableName,
        Key: { pk: { S: 'job#1' } },
        UpdateExpression: 'SET fence = :fence, listing = :running ADD attempts :one',
        ConditionExpression: 'attribute_not_exists(fence)',
        ExpressionAttributeValues: {
          ':fence': { S: fence },
          ':running': { S: 'running' },
          ':one': { N: '1' },
        },
        ReturnValues: 'ALL_NEW',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );

  test('one of many simultaneous conditional updates succeeds; the others get the present item', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => claim(`f${index}`)));
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(won).toHaveLength(1);
    expect(won[0]?.Attributes).toMatchObject({ attempts: { N: '1' } });
    const fence = won[0]?.Attributes?.['fence'];
    for (const error of lost) {
      expect(error).toMatchObject({ name: 'ConditionalCheckFailedException', Item: { fence } });
    }
  });

  test('a condition that fails on a missing item returns none', async () => {
    const update = dynamodb.send(
      new UpdateItemCommand({
        TableName,
        Key: { pk: { S: 'none' } },
        UpdateExpression: 'SET a = :a',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':a': { S: 'a' } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
    const error: unknown = await update.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ConditionalCheckFailedException', Item: undefined });
  });

  describe('a write of another version', () => {
    const Key = { pk: { S: 'group#a' } };
    const item = { ...Key, version: { N: '7' }, out: { M: { 'j-1': { N: '1' } } } };
    type Condition = Pick<UpdateItemCommandInput, 'ReturnValuesOnConditionCheckFailure'>;
    const isVersion = (version: string, more: Condition) => ({
      ...{ TableName, ...more, ConditionExpression: 'version = :version' },
      ExpressionAttributeValues: { ':version': { N: version } },
    });
    const writes = {
      PutItem: (version: string, more: Condition) =>
        dynamodb.send(
          new PutItemCommand({ ...isVersion(version, more), Item: { ...Key, version: { N: '8' } } }),
        ),
      UpdateItem: (version: string, more: Condition) =>
        dynamodb.send(
          new UpdateItemCommand({
            ...isVersion(version, more),
            Key,
            UpdateExpression: 'ADD version :version',
          }),
        ),
      DeleteItem: (version: string, more: Condition) =>
        dynamodb.send(new DeleteItemCommand({ ...isVersion(version, more), Key })),
    };

    test.each([
      ['PutItem', '8'],
      ['UpdateItem', '14'],
      ['DeleteItem', undefined],
    ] as const)('by %s returns the present item, if the call asks for it', async (action, after) => {
      await put('group#a', item);
      const refused = (more: Condition, present: object | undefined) =>
        expect(writes[action]('6', more)).rejects.toMatchObject({
          ...{ name: 'ConditionalCheckFailedException', Item: present },
        });
      await refused({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }, item);
      await refused({ ReturnValuesOnConditionCheckFailure: 'NONE' }, undefined);
      await refused({}, undefined);
      expect(await get('group#a')).toEqual(item);
      await writes[action]('7', { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
      expect((await get('group#a'))?.['version']?.N).toBe(after);
    });
  });

  test('a sparse index lists the items that have its key', async () => {
    await put('job#1', { listing: { S: 'running' } });
    await put('job#2');
    const { Items } = await dynamodb.send(
      new QueryCommand({
        TableName,
        IndexName: 'byListing',
        KeyConditionExpression: 'listing = :running',
        ExpressionAttributeValues: { ':running': { S: 'running' } },
      }),
    );
    expect(Items).toEqual([{ pk: { S: 'job#1' }, listing: { S: 'running' } }]);
  });

  test('a table may be named by its ARN', async () => {
    await dynamodb.send(new PutItemCommand({ TableName: arn(), Item: { pk: { S: 'a' } } }));
    expect(await get('a')).toEqual({ pk: { S: 'a' } });
  });

  test('in a batch', async () => {
    const requests = ['a', 'b'].map((pk) => ({ PutRequest: { Item: { pk: { S: pk } } } }));
    const output = await dynamodb.send(
      new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } }),
    );
    expect(output.UnprocessedItems).toEqual({});
    expect(await get('b')).toBeDefined();
  });
});

describe('batches', () => {
  const key = (index: number) => ({ pk: { S: `job#${index}` } });
  const keys = (count: number) => Array.from({ length: count }, (_, index) => key(index));
  const write = (items: Record<string, AttributeValue>[]) =>
    dynamodb.send(
      new BatchWriteItemCommand({
        RequestItems: { [TableName]: items.map((Item) => ({ PutRequest: { Item } })) },
      }),
    );
  const read = (rest: Partial<KeysAndAttributes> & { Keys: KeysAndAttributes['Keys'] }) =>
    dynamodb.send(new BatchGetItemCommand({ RequestItems: { [TableName]: rest } }));

  test.each([
    ['more than 25 writes', () => write(keys(26))],
    ['an item twice', () => write([key(1), key(1)])],
    ['no write', () => write([])],
    ['more than 100 keys', () => read({ Keys: keys(101) })],
    ['a key twice', () => read({ Keys: [key(1), key(1)] })],
  ])('of %s are refused', async (_, send) => {
    await expect(send()).rejects.toMatchObject({ name: 'ValidationException' });
  });

  test('leave out missing items', async () => {
    await write(keys(3));
    const { Responses, UnprocessedKeys } = await read({ Keys: keys(100) });
    expect(Responses?.[TableName]).toHaveLength(3);
    expect(UnprocessedKeys).toEqual({});
  });

  test('read more than the 1 MB of other reads', async () => {
    const body = { S: 'x'.repeat(380 * 1024) };
    await write(keys(6).map((item) => ({ ...item, body })));
    const { Responses, UnprocessedKeys } = await read({ Keys: keys(6), ProjectionExpression: 'pk, body' });
    expect(Responses?.[TableName]?.map(({ pk }) => pk?.S).sort()).toEqual(keys(6).map(({ pk }) => pk.S));
    expect(UnprocessedKeys).toEqual({});
  });

  test('can be processed in part, and return the rest', async () => {
    cloud.faults.add({ action: 'BatchWriteItem', times: 1, effect: { kind: 'partial', entries: [0, 2] } });
    const { UnprocessedItems } = await write(keys(3));
    const left = UnprocessedItems?.[TableName]?.map(({ PutRequest }) => PutRequest?.Item);
    expect(left).toEqual([key(0), key(2)]);
    expect(await get('job#0')).toBeUndefined();
    expect(await get('job#1')).toBeDefined();
    cloud.faults.add({ action: 'BatchGetItem', times: 1, effect: { kind: 'partial', entries: [1] } });
    const { Responses, UnprocessedKeys } = await read({ Keys: keys(2), ConsistentRead: true });
    expect(Responses?.[TableName]).toEqual([]);
    expect(UnprocessedKeys?.[TableName]).toEqual({ Keys: [key(1)], ConsistentRead: true });
  });

  test.each([
    ['write', () => write(keys(2))],
    ['read', () => read({ Keys: keys(2) })],
  ])('of which nothing can be done are throttled: %s', async (_, send) => {
    const fault = cloud.faults.add({ service: 'dynamodb', effect: { kind: 'partial', entries: [0, 1] } });
    await expect(send()).rejects.toMatchObject({ name: 'ProvisionedThroughputExceededException' });
    fault.remove();
  });
});

describe('tables', () => {
  test('are active at once, under an ARN of this account', async () => {
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({ TableStatus: 'ACTIVE', TableArn: arn() });
    expect(Table?.GlobalSecondaryIndexes?.[0]?.IndexArn).toBe(`${arn()}/index/byListing`);
  });

  describe('that exist', () => {
    const AttributeDefinitions = ['pk', 'state', 'at'].map((AttributeName) => ({
      ...{ AttributeName, AttributeType: 'S' as const },
    }));
    const Create: CreateGlobalSecondaryIndexAction = {
      IndexName: 'byState',
      KeySchema: [
        { AttributeName: 'state', KeyType: 'HASH' },
        { AttributeName: 'at', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['label'] },
    };
    const update = (...GlobalSecondaryIndexUpdates: GlobalSecondaryIndexUpdate[]) =>
      dynamodb.send(new UpdateTableCommand({ TableName, AttributeDefinitions, GlobalSecondaryIndexUpdates }));
    const indexes = async () => {
      const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
      return Table?.GlobalSecondaryIndexes?.map(({ IndexName, IndexStatus }) => [IndexName, IndexStatus]);
    };
    const inState = async (state: string) => {
      const { Items } = await dynamodb.send(
        new QueryCommand({
          ...{ TableName, IndexName: 'byState', KeyConditionExpression: '#state = :state' },
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':state': { S: state } },
        }),
      );
      return Items;
    };
    const item = (state: string, at: string) => ({ state: { S: state }, at: { S: at }, body: { S: 'x' } });

    test('get an index, which is filled while the table is used', async () => {
      await put('early', { ...item('failed', '1'), label: { S: 'l' }, listing: { S: 'l' } });
      await expect(inState('failed')).rejects.toMatchObject({ name: 'ValidationException' });
      await update({ Create });
      expect(await indexes()).toEqual([
        ['byListing', 'ACTIVE'],
        ['byState', 'CREATING'],
      ]);
      await expect(inState('failed')).rejects.toMatchObject({
        name: 'ValidationException',
        message: 'Cannot read from backfilling global secondary index: byState',
      });
      await Promise.all([put('late', item('failed', '0')), put('without', { state: { S: 'failed' } })]);
      // All calls in progress are answered when the index becomes active.
      const [, ...found] = await Promise.all([
        clock.advance(60_000),
        ...Array.from({ length: 20 }, (_, index) => put(`more-${index}`, item('queued', '2'))),
        ...Array.from({ length: 20 }, () => get('early')),
      ]);
      expect(found.slice(20)).toEqual(Array(20).fill(expect.objectContaining({ pk: { S: 'early' } })));
      expect(await indexes()).toEqual([
        ['byListing', 'ACTIVE'],
        ['byState', 'ACTIVE'],
      ]);
      const keys = (pk: string, at: string) => ({ pk: { S: pk }, state: { S: 'failed' }, at: { S: at } });
      expect(await inState('failed')).toEqual([
        keys('late', '0'),
        { ...keys('early', '1'), label: { S: 'l' } },
      ]);
      expect(await inState('queued')).toHaveLength(20);
      expect(await get('early')).toMatchObject({ body: { S: 'x' } });
      expect(await get('without')).toBeDefined();

      await update({ Delete: { IndexName: 'byListing' } });
      expect(await indexes()).toEqual([['byState', 'ACTIVE']]);
      expect(await inState('failed')).toHaveLength(2);
    });

    test('get one index at a time, and can lose it before it is filled', async () => {
      const { IndexName } = Create;
      const Delete = { IndexName: 'byListing' };
      await expect(update({ Create }, { Delete })).rejects.toMatchObject({ name: 'LimitExceededException' });
      await update({ Create });
      const another = update({ Create: { ...Create, IndexName: 'another' } });
      await expect(another).rejects.toMatchObject({ name: 'LimitExceededException' });
      await update({ Delete: { IndexName } });
      expect(await indexes()).toEqual([['byListing', 'ACTIVE']]);
      await clock.advance(60_000);
      expect(await indexes()).toEqual([['byListing', 'ACTIVE']]);
      await expect(update({ Delete: { IndexName } })).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    });

    test('cannot lose another index while one is filled, and cannot be deleted', async () => {
      await update({ Create });
      const other = update({ Delete: { IndexName: 'byListing' } });
      await expect(other).rejects.toMatchObject({ name: 'LimitExceededException' });
      const deletion = () => dynamodb.send(new DeleteTableCommand({ TableName }));
      await expect(deletion()).rejects.toMatchObject({ name: 'ResourceInUseException' });
      await clock.advance(60_000);
      expect(await indexes()).toHaveLength(2);
      await update({ Delete: { IndexName: 'byListing' } });
      await deletion();
    });

    test('are changed by one of several simultaneous calls', async () => {
      const atOnce = async (...updates: GlobalSecondaryIndexUpdate[]) => {
        const calls = updates.map((one) =>
          cloud.call('dynamodb', 'UpdateTable', {
            ...{ TableName, AttributeDefinitions, GlobalSecondaryIndexUpdates: [one] },
          }),
        );
        return (await Promise.allSettled(calls)).map(({ status }) => status);
      };
      const byListing = { Delete: { IndexName: 'byListing' } };
      const byState = { Delete: { IndexName: 'byState' } };
      const another = { Create: { ...Create, IndexName: 'another' } };
      expect(await atOnce({ Create }, another, byListing)).toEqual(['fulfilled', 'rejected', 'rejected']);
      await clock.advance(60_000);
      expect(await indexes()).toEqual([
        ['byListing', 'ACTIVE'],
        ['byState', 'ACTIVE'],
      ]);
      expect(await atOnce(byListing, byState)).toEqual(['fulfilled', 'rejected']);
      expect(await indexes()).toEqual([['byState', 'ACTIVE']]);
    });

    test('keep an item that a new index cannot have, and the index is not filled', async () => {
      await update({ Create });
      await put('one', { state: { N: '1' } });
      await clock.advance(60_000);
      expect(await get('one')).toMatchObject({ state: { N: '1' } });
      expect(await indexes()).toEqual([
        ['byListing', 'ACTIVE'],
        ['byState', 'CREATING'],
      ]);
    });

    test('keep everything if an index cannot be created', async () => {
      await put('one', { state: { N: '1' } });
      await expect(update({ Create })).rejects.toThrow('cannot leave an item out of an index');
      await expect(update({ Create: { ...Create, IndexName: 'byListing' } })).rejects.toThrow(
        'already exists',
      );
      const KeySchema = [{ AttributeName: 'elsewhere', KeyType: 'HASH' as const }];
      await expect(update({ Create: { ...Create, KeySchema } })).rejects.toMatchObject({
        name: 'ValidationException',
      });
      await clock.advance(60_000);
      expect(await get('one')).toBeDefined();
      expect(await indexes()).toEqual([['byListing', 'ACTIVE']]);
    });
  });

  test('have no streams', async () => {
    const key = { AttributeName: 'pk', AttributeType: 'S' };
    const refused = cloud.call('dynamodb', 'CreateTable', {
      ...{ TableName: 'streaming', BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [key] },
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    });
    await expect(refused).rejects.toThrow('The embedded cloud does not implement streams of DynamoDB.');
  });

  test('have tags', async () => {
    await dynamodb.send(
      new TagResourceCommand({ ResourceArn: arn(), Tags: [{ Key: 'added', Value: 'later' }] }),
    );
    const { Tags } = await dynamodb.send(new ListTagsOfResourceCommand({ ResourceArn: arn() }));
    expect(Tags).toEqual([
      { Key: 'made', Value: 'with' },
      { Key: 'added', Value: 'later' },
    ]);
  });

  test('have point-in-time recovery when it is switched on', async () => {
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
    await dynamodb.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
    const { ContinuousBackupsDescription } = await dynamodb.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    expect(ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe(
      'ENABLED',
    );
  });

  test('are not deleted while they are protected', async () => {
    const remove = () => dynamodb.send(new DeleteTableCommand({ TableName }));
    await dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: true }));
    await expect(remove()).rejects.toMatchObject({ name: 'ValidationException' });
    await dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await remove();
    const described = dynamodb.send(new DescribeTableCommand({ TableName }));
    await expect(described).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  test('lose only items whose time to live has passed', async () => {
    const TimeToLiveSpecification = { Enabled: true, AttributeName: 'expires' };
    await dynamodb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
    const described = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }));
    expect(described.TimeToLiveDescription).toEqual({
      TimeToLiveStatus: 'ENABLED',
      AttributeName: 'expires',
    });
    const seconds = Math.floor(clock.now() / 1000);
    await put('past', { expires: { N: String(seconds - 10) } });
    await put('future', { expires: { N: String(seconds + 86_400) } });
    await put('never');
    await clock.advance(3_600_000);
    expect(await get('past')).toBeUndefined();
    expect(await get('future')).toBeDefined();
    expect(await get('never')).toBeDefined();
  });
});
