import {
  type Change,
  CreateChangeSetCommand,
  type CreateChangeSetCommandInput,
  DeleteChangeSetCommand,
  DescribeChangeSetCommand,
  type DescribeChangeSetCommandOutput,
  DescribeEventsCommand,
  ExecuteChangeSetCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { Stacks } from '../support/stacks.ts';

let cloud: TestCloud;
let stacks: Stacks;

beforeAll(async () => {
  cloud = await startTestCloud();
  stacks = new Stacks(cloud);
});
afterAll(async () => {
  stacks.client.destroy();
  await cloud.close();
});

const queue = (Properties: object = {}, more: object = {}) => ({
  Type: 'AWS::SQS::Queue',
  Properties,
  ...more,
});
const parameter = (Value: unknown) => ({
  Type: 'AWS::SSM::Parameter',
  Properties: { Type: 'String', Value },
});
const ChangeSetName = 'changes';

async function prepare(
  StackName: string,
  ChangeSetType: 'CREATE' | 'UPDATE',
  template: object,
  options: Partial<CreateChangeSetCommandInput> = {},
): Promise<DescribeChangeSetCommandOutput> {
  const TemplateBody = JSON.stringify(template);
  const input = { StackName, ChangeSetName, ChangeSetType, TemplateBody, ...options };
  await stacks.client.send(new CreateChangeSetCommand(input));
  return describeChangeSet(StackName);
}

function describeChangeSet(StackName: string): Promise<DescribeChangeSetCommandOutput> {
  const input = { StackName, ChangeSetName, IncludePropertyValues: true };
  return stacks.client.send(new DescribeChangeSetCommand(input));
}

async function execute(StackName: string) {
  await stacks.client.send(new ExecuteChangeSetCommand({ StackName, ChangeSetName }));
  return stacks.settled(StackName);
}

function changeOf(set: DescribeChangeSetCommandOutput, logicalId: string): Change['ResourceChange'] {
  return set.Changes?.find((one) => one.ResourceChange?.LogicalResourceId === logicalId)?.ResourceChange;
}

test('a new stack is under review until its change set is executed', async () => {
  const set = await prepare('fresh', 'CREATE', { Resources: { One: queue() } });
  expect(set).toMatchObject({ Status: 'CREATE_COMPLETE', ExecutionStatus: 'AVAILABLE' });
  expect(changeOf(set, 'One')).toMatchObject({ Action: 'Add', ResourceType: 'AWS::SQS::Queue' });
  expect((await stacks.describe('fresh')).StackStatus).toBe('REVIEW_IN_PROGRESS');
  expect((await execute('fresh')).StackStatus).toBe('CREATE_COMPLETE');
  const { Summaries } = await stacks.client.send(new ListChangeSetsCommand({ StackName: 'fresh' }));
  expect(Summaries).toEqual([]);
});

test('shows the change of each resource, and its consequences', async () => {
  await stacks.create('told', {
    Resources: {
      Same: queue(),
      Grown: queue({ DelaySeconds: 1 }),
      Renamed: queue({ QueueName: 'told-old' }),
      Kept: queue({ QueueName: 'told-kept' }, { DeletionPolicy: 'Retain' }),
      Gone: queue(),
      Pointer: parameter({ Ref: 'Renamed' }),
      Other: parameter({ Ref: 'Grown' }),
    },
  });
  const set = await prepare('told', 'UPDATE', {
    Resources: {
      Same: queue(),
      Grown: queue({ DelaySeconds: 2 }),
      Renamed: queue({ QueueName: 'told-new' }),
      Added: queue(),
      Pointer: parameter({ Ref: 'Renamed' }),
      Other: parameter({ Ref: 'Grown' }),
    },
  });
  expect(set.Changes).toHaveLength(6);
  expect(changeOf(set, 'Grown')).toMatchObject({
    Action: 'Modify',
    Replacement: 'False',
    Details: [
      { Target: { Name: 'DelaySeconds', RequiresRecreation: 'Never', BeforeValue: '1', AfterValue: '2' } },
    ],
  });
  expect(changeOf(set, 'Renamed')).toMatchObject({ Replacement: 'True', PolicyAction: 'ReplaceAndDelete' });
  expect(changeOf(set, 'Pointer')).toMatchObject({
    Replacement: 'False',
    Details: [{ Evaluation: 'Dynamic' }],
  });
  expect(changeOf(set, 'Added')).toMatchObject({ Action: 'Add' });
  expect(changeOf(set, 'Gone')).toMatchObject({ Action: 'Remove', PolicyAction: 'Delete' });
  expect(changeOf(set, 'Kept')).toMatchObject({ Action: 'Remove', PolicyAction: 'Retain' });
  expect((await execute('told')).StackStatus).toBe('UPDATE_COMPLETE');
});

test('without a change it fails with the message that clients match', async () => {
  const template = { Resources: { One: queue() } };
  await stacks.create('idle', template);
  const set = await prepare('idle', 'UPDATE', template);
  expect(set).toMatchObject({ Status: 'FAILED', ExecutionStatus: 'UNAVAILABLE' });
  expect(set.StatusReason).toMatch(/^The submitted information didn't contain changes\./);
  await expect(execute('idle')).rejects.toMatchObject({ name: 'InvalidChangeSetStatusException' });
});

test('a change of outputs alone counts', async () => {
  const template = { Resources: { One: queue() } };
  await stacks.create('words', template);
  const set = await prepare('words', 'UPDATE', { ...template, Outputs: { A: { Value: 'a' } } });
  expect(set).toMatchObject({ Status: 'CREATE_COMPLETE', Changes: [] });
  expect((await execute('words')).Outputs).toMatchObject([{ OutputKey: 'A', OutputValue: 'a' }]);
});

test('with an unknown property it fails before any resource is created, and names the path', async () => {
  const template = {
    Resources: { Dead: queue(), One: queue({ Colour: 'red', QueueName: { Ref: 'Dead' } }) },
  };
  const set = await prepare('early', 'CREATE', template);
  expect(set.Status).toBe('FAILED');
  expect(set.StatusReason).toContain('AWS::EarlyValidation::PropertyValidation');
  const events = await stacks.client.send(new DescribeEventsCommand({ StackName: 'early', ChangeSetName }));
  expect(events.OperationEvents).toMatchObject([
    {
      LogicalResourceId: 'One',
      ValidationStatusReason: 'extraneous key [Colour] is not permitted',
      ValidationPath: '/Resources/One/Properties',
    },
  ]);
});

test('it can be deleted, also if it does not exist, and then it cannot be described', async () => {
  await stacks.create('tidy', { Resources: { One: queue() } });
  await prepare('tidy', 'UPDATE', { Resources: { One: queue({ DelaySeconds: 1 }) } });
  const input = { StackName: 'tidy', ChangeSetName };
  await stacks.client.send(new DeleteChangeSetCommand(input));
  await stacks.client.send(new DeleteChangeSetCommand(input));
  await expect(describeChangeSet('tidy')).rejects.toMatchObject({ name: 'ChangeSetNotFoundException' });
});

test('for a missing stack it is refused, unless its type is CREATE', async () => {
  const template = { Resources: { One: queue() } };
  await expect(prepare('nowhere', 'UPDATE', template)).rejects.toThrow(
    'Stack with id nowhere does not exist',
  );
});
