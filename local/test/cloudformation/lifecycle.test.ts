// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's own syntax.
import { DescribeStackEventsCommand } from '@aws-sdk/client-cloudformation';
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { outputsOf, Stacks } from '../support/stacks.ts';

let cloud: TestCloud;
let stacks: Stacks;
let sqs: SQSClient;

beforeAll(async () => {
  cloud = await startTestCloud();
  stacks = new Stacks(cloud);
  sqs = new SQSClient(cloud.client);
});
afterAll(async () => {
  stacks.client.destroy();
  sqs.destroy();
  await cloud.close();
});

const queue = (Properties: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  Type: 'AWS::SQS::Queue',
  Properties,
  ...more,
});
/** SQS refuses this value: the maximum is 43,200 s. */
const impossibleQueue = queue({ VisibilityTimeout: 999_999 });

async function queueNames(prefix: string): Promise<string[]> {
  const { QueueUrls } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
  return (QueueUrls ?? []).map((url) => url.split('/').at(-1) ?? '');
}

/** A table with indexes, each named like its attribute. */
const table = (...indexes: string[]) => ({
  Resources: {
    Jobs: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: ['pk', ...indexes].map((AttributeName) => ({
          ...{ AttributeName, AttributeType: 'S' },
        })),
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        ...(indexes.length > 0 && {
          GlobalSecondaryIndexes: indexes.map((IndexName) => ({
            ...{ IndexName, Projection: { ProjectionType: 'ALL' } },
            KeySchema: [{ AttributeName: IndexName, KeyType: 'HASH' }],
          })),
        }),
      },
    },
  },
});

async function indexesOf(TableName: string): Promise<string[]> {
  const { Table } = await cloud.call('dynamodb', 'DescribeTable', { TableName });
  const { GlobalSecondaryIndexes = [] } = Table as { GlobalSecondaryIndexes?: Record<string, string>[] };
  return GlobalSecondaryIndexes.map(({ IndexName, IndexStatus }) => `${IndexName} ${IndexStatus}`);
}

async function attribute(QueueUrl: string, name: 'VisibilityTimeout' | 'DelaySeconds'): Promise<string> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [name] });
  return (await sqs.send(command)).Attributes?.[name] ?? '';
}

describe('a new stack', () => {
  test('has its resources in dependency order, its outputs and its events', async () => {
    const stack = await stacks.create('made', {
      Resources: {
        Main: queue({
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': 'Dead.Arn' }, maxReceiveCount: 3 },
        }),
        Dead: queue(),
      },
      Outputs: { Url: { Value: { Ref: 'Main' } }, Name: { Value: { 'Fn::GetAtt': ['Dead', 'QueueName'] } } },
    });
    expect(stack.StackStatus).toBe('CREATE_COMPLETE');
    expect(outputsOf(stack)['Url']).toMatch(/\/made-Main-[A-Z0-9]{12}$/);
    expect(outputsOf(stack)['Name']).toMatch(/^made-Dead-[A-Z0-9]{12}$/);
    expect(await stacks.story('made')).toEqual([
      'made CREATE_IN_PROGRESS',
      'Dead CREATE_IN_PROGRESS',
      'Dead CREATE_IN_PROGRESS',
      'Dead CREATE_COMPLETE',
      'Main CREATE_IN_PROGRESS',
      'Main CREATE_IN_PROGRESS',
      'Main CREATE_COMPLETE',
      'made CREATE_COMPLETE',
    ]);
  });

  test('is deleted with all its resources, and can still be described by its id', async () => {
    const { StackId } = await stacks.create('short', { Resources: { One: queue(), Two: queue() } });
    expect(await queueNames('short-')).toHaveLength(2);
    const deleted = await stacks.delete('short');
    expect(deleted).toMatchObject({ StackId, StackStatus: 'DELETE_COMPLETE' });
    expect(await queueNames('short-')).toEqual([]);
    await expect(stacks.describe('short')).rejects.toThrow('Stack with id short does not exist');
  });

  test('pages its events, without losing or repeating any', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `Queue${index}`);
    await stacks.create('many', { Resources: Object.fromEntries(names.map((name) => [name, queue()])) });
    const first = await stacks.client.send(new DescribeStackEventsCommand({ StackName: 'many' }));
    await stacks.update('many', { Resources: { Queue0: queue() } });
    const { NextToken } = first;
    const rest = await stacks.client.send(new DescribeStackEventsCommand({ StackName: 'many', NextToken }));
    const events = [...(first.StackEvents ?? []), ...(rest.StackEvents ?? [])];
    expect(new Set(events.map((one) => one.EventId)).size).toBe(40 * 3 + 2);
    expect(events).toHaveLength(40 * 3 + 2);
    const times = events.map((one) => one.Timestamp?.getTime() ?? 0);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(new Set(times).size).toBe(times.length);
  });

  test('keeps the resources that their DeletionPolicy retains', async () => {
    await stacks.create('keeps', {
      Resources: {
        Kept: queue({ QueueName: 'keeps-this' }, { DeletionPolicy: 'Retain' }),
        Gone: queue({ QueueName: 'keeps-not' }),
      },
    });
    const { StackId, StackStatus } = await stacks.delete('keeps');
    expect(StackStatus).toBe('DELETE_COMPLETE');
    expect(await queueNames('keeps-')).toEqual(['keeps-this']);
    expect(await stacks.story(StackId ?? '')).toContain('Kept DELETE_SKIPPED');
  });

  test('whose creation fails deletes its resources in reverse order', async () => {
    const stack = await stacks.create('fails', {
      Resources: { First: queue(), Second: { ...impossibleQueue, DependsOn: 'First' } },
    });
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(await queueNames('fails-')).toEqual([]);
    const events = await stacks.events('fails');
    const failure = events.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED');
    expect(failure?.LogicalResourceId).toBe('Second');
    expect(failure?.ResourceStatusReason).toContain('VisibilityTimeout');
    const rollback = events.find(({ ResourceStatus }) => ResourceStatus === 'ROLLBACK_IN_PROGRESS');
    expect(rollback?.ResourceStatusReason).toBe(
      'The following resource(s) failed to create: [Second]. Rollback requested by user.',
    );
    await expect(stacks.update('fails', { Resources: { First: queue() } })).rejects.toThrow(
      'is in ROLLBACK_COMPLETE state and can not be updated.',
    );
  });

  test('whose creation fails keeps the resources that are always retained', async () => {
    await stacks.create('clings', {
      Resources: {
        Always: queue({ QueueName: 'clings-always' }, { DeletionPolicy: 'Retain' }),
        Later: queue({ QueueName: 'clings-later' }, { DeletionPolicy: 'RetainExceptOnCreate' }),
        Bad: { ...impossibleQueue, DependsOn: ['Always', 'Later'] },
      },
    });
    expect(await queueNames('clings-')).toEqual(['clings-always']);
  });

  test('whose creation fails without roll-back keeps its resources', async () => {
    const template = { Resources: { First: queue(), Second: { ...impossibleQueue, DependsOn: 'First' } } };
    const stack = await stacks.create('stays', template, { OnFailure: 'DO_NOTHING' });
    expect(stack.StackStatus).toBe('CREATE_FAILED');
    expect(await queueNames('stays-First-')).toHaveLength(1);
    expect((await stacks.delete('stays')).StackStatus).toBe('DELETE_COMPLETE');
    expect(await queueNames('stays-')).toEqual([]);
  });

  test('is refused when its name is taken', async () => {
    await stacks.create('taken', { Resources: { One: queue() } });
    const again = stacks.create('taken', { Resources: { One: queue() } });
    await expect(again).rejects.toMatchObject({ name: 'AlreadyExistsException' });
  });
});

describe('an update', () => {
  test('that changes nothing is refused', async () => {
    const template = { Resources: { One: queue({ DelaySeconds: 1 }) } };
    await stacks.create('same', template);
    await expect(stacks.update('same', template)).rejects.toThrow('No updates are to be performed.');
    await expect(stacks.update('same', { Resources: { One: queue({ DelaySeconds: '1' }) } })).rejects.toThrow(
      'No updates are to be performed.',
    );
  });

  test('that adds or removes one index of a table changes it in place without waiting until the index is filled, and more are refused', async () => {
    await stacks.create('indexes', table('one'));
    const TableName = await stacks.physicalId('indexes', 'Jobs');
    const has = () => indexesOf(TableName);
    const { StackStatus } = await stacks.update('indexes', table('two'));
    expect(StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const failed = (await stacks.events('indexes')).findLast(
      ({ ResourceStatus }) => ResourceStatus === 'UPDATE_FAILED',
    );
    expect(failed?.ResourceStatusReason).toContain(
      'Cannot perform more than one GSI creation or deletion in a single update',
    );
    expect(await has()).toEqual(['one ACTIVE']);
    expect(await stacks.update('indexes', table('one', 'two'))).toMatchObject({
      StackStatus: 'UPDATE_COMPLETE',
    });
    expect(await has()).toEqual(['one ACTIVE', 'two CREATING']);
    expect(await stacks.update('indexes', table('one'))).toMatchObject({ StackStatus: 'UPDATE_COMPLETE' });
    expect(await has()).toEqual(['one ACTIVE']);
    expect(await stacks.update('indexes', table())).toMatchObject({ StackStatus: 'UPDATE_COMPLETE' });
    expect(await has()).toEqual([]);
    expect(await stacks.physicalId('indexes', 'Jobs')).toBe(TableName);
  });

  test('that is rolled back leaves the index that it added, and later updates are refused until it is deleted manually', async () => {
    await stacks.create('left', table('one'));
    const TableName = await stacks.physicalId('left', 'Jobs');
    const { Resources } = table('one', 'two');
    const failing = { Resources: { ...Resources, Bad: { ...impossibleQueue, DependsOn: 'Jobs' } } };
    expect((await stacks.update('left', failing)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await indexesOf(TableName)).toEqual(['one ACTIVE', 'two CREATING']);
    expect((await stacks.update('left', table('one', 'two'))).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await indexesOf(TableName)).toEqual(['one ACTIVE', 'two CREATING']);
    const GlobalSecondaryIndexUpdates = [{ Delete: { IndexName: 'two' } }];
    await cloud.call('dynamodb', 'UpdateTable', { TableName, GlobalSecondaryIndexUpdates });
    expect((await stacks.update('left', table('one', 'two'))).StackStatus).toBe('UPDATE_COMPLETE');
    expect(await indexesOf(TableName)).toEqual(['one ACTIVE', 'two CREATING']);
  });

  test('deletes a table with an index that an item keeps from being filled', async () => {
    await stacks.create('unfilled', table('one'));
    const TableName = await stacks.physicalId('unfilled', 'Jobs');
    expect((await stacks.update('unfilled', table('one', 'two'))).StackStatus).toBe('UPDATE_COMPLETE');
    await cloud.call('dynamodb', 'PutItem', { TableName, Item: { pk: { S: 'a' }, two: { N: '1' } } });
    await stacks.delete('unfilled');
    await expect(cloud.call('dynamodb', 'DescribeTable', { TableName })).rejects.toThrow();
  });

  test('in place keeps the resource, also when a property is dropped', async () => {
    await stacks.create('place', { Resources: { One: queue({ DelaySeconds: 1, VisibilityTimeout: 60 }) } });
    const before = await stacks.physicalId('place', 'One');
    const { StackStatus } = await stacks.update('place', { Resources: { One: queue({ DelaySeconds: 2 }) } });
    expect(StackStatus).toBe('UPDATE_COMPLETE');
    expect(await stacks.physicalId('place', 'One')).toBe(before);
    expect(await attribute(before, 'DelaySeconds')).toBe('2');
    expect(await attribute(before, 'VisibilityTimeout')).toBe('30');
  });

  test('by replacement creates the new resource, updates its dependents, and then deletes the old one', async () => {
    const template = (name: string) => ({
      Resources: {
        Jobs: queue({ QueueName: name, ...(name.endsWith('.fifo') && { FifoQueue: true }) }),
        Pointer: {
          Type: 'AWS::SSM::Parameter',
          Properties: { Type: 'String', Name: '/replace/url', Value: { Ref: 'Jobs' } },
        },
      },
    });
    await stacks.create('replace', template('replace-old'));
    const { StackStatus } = await stacks.update('replace', template('replace-new.fifo'));
    expect(StackStatus).toBe('UPDATE_COMPLETE');
    expect(await queueNames('replace-')).toEqual(['replace-new.fifo']);
    const answer = await cloud.call('ssm', 'GetParameters', { Names: ['/replace/url'] });
    expect(answer).toMatchObject({ Parameters: [{ Value: await stacks.physicalId('replace', 'Jobs') }] });
    const story = (await stacks.story('replace')).slice(-8);
    expect(story).toEqual([
      'Jobs CREATE_IN_PROGRESS',
      'Jobs UPDATE_COMPLETE',
      'Pointer UPDATE_IN_PROGRESS',
      'Pointer UPDATE_COMPLETE',
      'replace UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
      'Jobs DELETE_IN_PROGRESS',
      'Jobs DELETE_COMPLETE',
      'replace UPDATE_COMPLETE',
    ]);
  });

  test('cannot replace a resource that keeps its custom name', async () => {
    const named = (more: object) => ({ Resources: { One: queue({ QueueName: 'named.fifo', ...more }) } });
    await stacks.create('named', named({ FifoQueue: true }));
    const stack = await stacks.update('named', named({}));
    expect(stack.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const failure = (await stacks.events('named')).find((one) => one.ResourceStatus === 'UPDATE_FAILED');
    expect(failure?.ResourceStatusReason).toContain(
      'CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename named.fifo',
    );
    expect(await queueNames('named')).toEqual(['named.fifo']);
  });

  test('that fails restores changed, replaced, added and removed resources', async () => {
    const before = {
      Resources: {
        Changed: queue({ DelaySeconds: 1 }),
        Replaced: queue({ QueueName: 'back-first' }),
        Removed: queue({ QueueName: 'back-removed' }),
      },
      Outputs: { Delay: { Value: 'one' } },
    };
    await stacks.create('back', before);
    const ids = await Promise.all(
      ['Changed', 'Replaced', 'Removed'].map((id) => stacks.physicalId('back', id)),
    );
    const others = ['Changed', 'Replaced', 'Added'];
    const stack = await stacks.update('back', {
      Resources: {
        Changed: queue({ DelaySeconds: 2 }),
        Replaced: queue({ QueueName: 'back-second' }),
        Added: queue({ QueueName: 'back-added' }),
        Impossible: { ...impossibleQueue, DependsOn: others },
      },
      Outputs: { Delay: { Value: 'two' } },
    });
    expect(stack.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(outputsOf(stack)).toEqual({ Delay: 'one' });
    const after = await Promise.all(
      ['Changed', 'Replaced', 'Removed'].map((id) => stacks.physicalId('back', id)),
    );
    expect(after).toEqual(ids);
    expect(await attribute(ids[0] ?? '', 'DelaySeconds')).toBe('1');
    expect((await queueNames('back-')).sort()).toEqual([
      expect.stringMatching(/^back-Changed-/),
      'back-first',
      'back-removed',
    ]);
    await expect(stacks.update('back', before)).rejects.toThrow('No updates are to be performed.');
  });

  test('that removes a resource deletes it, unless it is to be retained', async () => {
    await stacks.create('less', {
      Resources: {
        Stays: queue(),
        Goes: queue({ QueueName: 'less-goes' }),
        Left: queue({ QueueName: 'less-left' }, { DeletionPolicy: 'Retain' }),
      },
    });
    await stacks.update('less', { Resources: { Stays: queue() } });
    expect(await queueNames('less-')).toEqual(expect.arrayContaining(['less-left']));
    expect(await queueNames('less-goes')).toEqual([]);
    await expect(stacks.physicalId('less', 'Left')).rejects.toThrow('Resource Left does not exist');
  });

  test('keeps the old resource that its UpdateReplacePolicy retains', async () => {
    const named = (name: string) => queue({ QueueName: name }, { UpdateReplacePolicy: 'Retain' });
    await stacks.create('hoard', { Resources: { One: named('hoard-old') } });
    await stacks.update('hoard', { Resources: { One: named('hoard-new') } });
    expect((await queueNames('hoard-')).sort()).toEqual(['hoard-new', 'hoard-old']);
    expect(await stacks.physicalId('hoard', 'One')).toMatch(/hoard-new$/);
  });

  test('of the stack tags alone updates the resources', async () => {
    const template = { Resources: { One: queue() } };
    await stacks.create('tagged', template, { Tags: [{ Key: 'team', Value: 'red' }] });
    await stacks.update('tagged', template, { Tags: [{ Key: 'squad', Value: 'blue' }] });
    const QueueUrl = await stacks.physicalId('tagged', 'One');
    const { Tags } = await cloud.call('sqs', 'ListQueueTags', { QueueUrl });
    expect(Tags).toMatchObject({ squad: 'blue', 'aws:cloudformation:stack-name': 'tagged' });
    expect(Tags).not.toHaveProperty('team');
  });
});

describe('a deletion', () => {
  test('that fails names the resource, and can be tried again', async () => {
    const bucket = { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'full-bucket' } };
    await stacks.create('full', { Resources: { Bucket: bucket, Queue: queue() } });
    await cloud.call('s3', 'PutObject', { Bucket: 'full-bucket', Key: 'a', Body: 'b' });
    const failed = await stacks.delete('full');
    expect(failed).toMatchObject({
      StackStatus: 'DELETE_FAILED',
      StackStatusReason: 'The following resource(s) failed to delete: [Bucket]. ',
    });
    expect(await queueNames('full-')).toEqual([]);
    await cloud.call('s3', 'DeleteObject', { Bucket: 'full-bucket', Key: 'a' });
    expect((await stacks.delete('full')).StackStatus).toBe('DELETE_COMPLETE');
  });

  test('is refused while the stack is protected', async () => {
    const template = { Resources: { One: queue() } };
    await stacks.create('guarded', template, { EnableTerminationProtection: true });
    await expect(stacks.delete('guarded')).rejects.toThrow(
      'Stack [guarded] cannot be deleted while TerminationProtection is enabled',
    );
  });
});

describe('an export', () => {
  const exporting = (value: string) => ({
    Resources: { One: queue() },
    Outputs: { Shared: { Value: value, Export: { Name: 'shared-thing' } } },
  });
  const importing = {
    Resources: {
      Two: queue({ QueueName: { 'Fn::Sub': ['${x}-two', { x: { 'Fn::ImportValue': 'shared-thing' } }] } }),
    },
  };

  test('is imported, and while it is it cannot be changed, removed or exported twice', async () => {
    await stacks.create('exporter', exporting('thing'));
    expect((await stacks.create('importer', importing)).StackStatus).toBe('CREATE_COMPLETE');
    expect(await queueNames('thing-two')).toEqual(['thing-two']);

    const changed = await stacks.update('exporter', exporting('other'));
    expect(changed.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const reasons = (await stacks.events('exporter')).map((one) => one.ResourceStatusReason ?? '');
    expect(reasons.join()).toContain('Export shared-thing cannot be updated as it is in use by importer');

    const twin = await stacks.create('twin', exporting('thing'));
    expect(twin.StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(await stacks.delete('exporter')).toMatchObject({
      StackStatus: 'UPDATE_ROLLBACK_COMPLETE',
      StackStatusReason: 'Export shared-thing cannot be deleted as it is in use by importer',
    });

    await stacks.delete('importer');
    expect((await stacks.delete('exporter')).StackStatus).toBe('DELETE_COMPLETE');
  });

  test('that does not exist fails the import and is named', async () => {
    const template = { Resources: { Two: queue({ QueueName: { 'Fn::ImportValue': 'nobody' } }) } };
    await stacks.create('orphan', template);
    const failure = (await stacks.events('orphan')).find((one) => one.ResourceStatus === 'CREATE_FAILED');
    expect(failure?.ResourceStatusReason).toContain('No export named nobody found.');
  });
});
