// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's own syntax.
import {
  CreateChangeSetCommand,
  ListStacksCommand,
  ValidateTemplateCommand,
} from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const queue = { Type: 'AWS::SQS::Queue' };
const only = (resource: object) => ({ Resources: { One: resource } });
const withProperties = (Properties: object) => only({ ...queue, Properties });

describe('refused by name, before any resource is created', () => {
  test.each<[what: string, template: object, complaint: string]>([
    [
      'a type',
      only({ Type: 'AWS::Braket::Hologram' }),
      'Unrecognized resource types: [AWS::Braket::Hologram]',
    ],
    ['the name of a custom type', only({ Type: 'Custom::A Thing' }), 'resource types: [Custom::A Thing]'],
    ['a section', { ...only(queue), Resorces: {} }, '[Resorces]'],
    ['a key of a resource', only({ ...queue, Propertys: {} }), '[Propertys]'],
    ['a key of an output', { ...only(queue), Outputs: { A: { Value: 1, Valu: 2 } } }, '[Valu]'],
    ['no resources', { Resources: {} }, 'At least one Resources member must be defined'],
    ['a resource without a type', only({ Properties: {} }), 'must contain a Type member'],
    ['a name that is not alphanumeric', { Resources: { 'my-queue': queue } }, 'my-queue is non alphanumeric'],
    ['a format version', { ...only(queue), AWSTemplateFormatVersion: '2020-01-01' }, '2020-01-01'],
    [
      'a transform',
      { ...only(queue), Transform: 'AWS::Serverless-2016-10-31' },
      'AWS::Serverless-2016-10-31',
    ],
    ['a function', withProperties({ QueueName: { 'Fn::Upper': 'x' } }), 'Fn::Upper is not supported'],
    [
      'a condition function in a property',
      withProperties({ QueueName: { 'Fn::Equals': [1, 1] } }),
      'Fn::Equals',
    ],
    [
      'Length without its transform',
      withProperties({ DelaySeconds: { 'Fn::Length': [] } }),
      'AWS::LanguageExtensions',
    ],
    [
      'a reference',
      withProperties({ QueueName: { Ref: 'Nowhere' } }),
      'Unresolved resource dependencies [Nowhere]',
    ],
    ['a reference in Fn::Sub', withProperties({ QueueName: { 'Fn::Sub': '${Nowhere}' } }), '[Nowhere]'],
    [
      'a resource of GetAtt',
      withProperties({ QueueName: { 'Fn::GetAtt': 'Nowhere.Arn' } }),
      'undefined resource Nowhere',
    ],
    [
      'an attribute',
      {
        Resources: {
          One: queue,
          Two: { ...queue, Properties: { QueueName: { 'Fn::GetAtt': 'One.Colour' } } },
        },
      },
      'does not support attribute type Colour',
    ],
    ['a condition', only({ ...queue, Condition: 'Maybe' }), 'Condition Maybe of resource One is not defined'],
    [
      'a mapping',
      withProperties({ QueueName: { 'Fn::FindInMap': ['Colours', 'a', 'b'] } }),
      "Mapping named 'Colours'",
    ],
    ['a DependsOn', only({ ...queue, DependsOn: 'Nowhere' }), '[Nowhere]'],
    [
      'a creation policy',
      only({ ...queue, CreationPolicy: { ResourceSignal: { Count: 1 } } }),
      'resource One has a CreationPolicy: the embedded cloud does not wait for signals',
    ],
    ['a deletion policy', only({ ...queue, DeletionPolicy: 'Snapshot' }), 'DeletionPolicy "Snapshot"'],
    ['a parameter type', { ...only(queue), Parameters: { P: { Type: 'Colour', Default: 'x' } } }, 'Colour'],
    [
      'a resource in a condition',
      { ...only(queue), Conditions: { C: { 'Fn::Equals': [{ Ref: 'One' }, 1] } } },
      '[One]',
    ],
    [
      'a circular dependency of conditions',
      {
        ...only(queue),
        Conditions: { A: { 'Fn::Not': [{ Condition: 'B' }] }, B: { 'Fn::Not': [{ Condition: 'A' }] } },
      },
      'Circular dependency between conditions: [A, B]',
    ],
  ])('%s', async (_what, template, complaint) => {
    await expect(stacks.create('refused', template)).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining(complaint),
    });
    await expect(stacks.describe('refused')).rejects.toThrow('does not exist');
  });

  test('a circular dependency, with all its members', async () => {
    const to = (name: string) => ({
      ...queue,
      Properties: { QueueName: { 'Fn::GetAtt': [name, 'QueueName'] } },
    });
    const template = {
      Resources: { A: to('B'), B: to('C'), C: { ...queue, DependsOn: 'A' }, Aside: to('A') },
    };
    await expect(stacks.create('circle', template)).rejects.toThrow(
      'Circular dependency between resources: [A, B, C]',
    );
  });

  test('text that is not a template, with the position', async () => {
    await expect(stacks.create('broken', '{"Resources": ')).rejects.toThrow('JSON not well-formed');
    await expect(stacks.create('broken', 'Resources:\n  A: [1\n')).rejects.toThrow(
      'YAML not well-formed. (line',
    );
    await expect(stacks.create('broken', 'A: &x 1\nB: *x')).rejects.toThrow('aliases are not allowed');
    await expect(stacks.create('broken', 'A: !Frobnicate x')).rejects.toThrow('!Frobnicate');
    await expect(stacks.create('broken', 'just text')).rejects.toThrow('unsupported structure');
  });

  test('roles that the caller does not acknowledge', async () => {
    const AssumeRolePolicyDocument = { Version: '2012-10-17', Statement: [] };
    const role = (more: object) =>
      only({ Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument, ...more } });
    const start = stacks.start('roles', role({}), { Capabilities: [] });
    await expect(start).rejects.toMatchObject({
      name: 'InsufficientCapabilitiesException',
      message: 'Requires capabilities : [CAPABILITY_IAM]',
    });
    const named = stacks.start('roles', role({ RoleName: 'r' }), { Capabilities: ['CAPABILITY_IAM'] });
    await expect(named).rejects.toThrow('[CAPABILITY_NAMED_IAM]');
  });

  test('a deployment mode that detects drift', async () => {
    const TemplateBody = JSON.stringify(only(queue));
    const input = { StackName: 'drift', ChangeSetName: 'c', ChangeSetType: 'CREATE', TemplateBody } as const;
    const command = new CreateChangeSetCommand({ ...input, DeploymentMode: 'REVERT_DRIFT' });
    await expect(stacks.client.send(command)).rejects.toThrow('DeploymentMode REVERT_DRIFT is not supported');
  });

  test('a type of another kind under the same name', async () => {
    await stacks.create('kinds', only(queue));
    const parameter = { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: 'x' } };
    await expect(stacks.update('kinds', only(parameter))).rejects.toThrow(
      'Update of resource type is not permitted. The new template modifies resource type of the following ' +
        'resources: [One]',
    );
  });

  test('also by ValidateTemplate, which creates nothing', async () => {
    const TemplateBody = JSON.stringify(only({ Type: 'AWS::Braket::Hologram' }));
    await expect(stacks.client.send(new ValidateTemplateCommand({ TemplateBody }))).rejects.toThrow(
      'AWS::Braket::Hologram',
    );
    const { StackSummaries } = await stacks.client.send(new ListStacksCommand({}));
    expect(StackSummaries?.map((one) => one.StackName)).not.toContain('refused');
  });
});

describe('refused by name, when the resource is created', () => {
  test.each<[what: string, resource: object, complaint: string]>([
    [
      'a property',
      { ...queue, Properties: { Colour: 'red' } },
      '#: extraneous key [Colour] is not permitted',
    ],
    [
      'a property further down',
      { Type: 'AWS::S3::Bucket', Properties: { VersioningConfiguration: { Status: 'Enabled', Colour: 1 } } },
      '#/VersioningConfiguration: extraneous key [Colour] is not permitted',
    ],
    [
      'a subscription in a topic',
      { Type: 'AWS::SNS::Topic', Properties: { Subscription: [{ Endpoint: 'a@b.org', Protocol: 'email' }] } },
      '#: extraneous key [Subscription] is not permitted',
    ],
    [
      'a stream of a table',
      { Type: 'AWS::DynamoDB::Table', Properties: { KeySchema: [], StreamSpecification: {} } },
      '#: extraneous key [StreamSpecification] is not permitted',
    ],
    [
      'who may have a queue as a dead-letter queue',
      { ...queue, Properties: { RedriveAllowPolicy: { redrivePermission: 'denyAll' } } },
      '#: extraneous key [RedriveAllowPolicy] is not permitted',
    ],
    [
      'a pattern of a parameter',
      { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: 'x', AllowedPattern: 'y' } },
      '#: extraneous key [AllowedPattern] is not permitted',
    ],
    [
      'a property that is missing',
      { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String' } },
      '#: required key [Value] not found',
    ],
    [
      'a value of the wrong type',
      { ...queue, Properties: { DelaySeconds: 'soon' } },
      '#/DelaySeconds: expected',
    ],
  ])('%s', async (what, resource, complaint) => {
    const name = what.replaceAll(' ', '-');
    const stack = await stacks.create(name, only(resource));
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    const failure = (await stacks.events(name)).find((one) => one.ResourceStatus === 'CREATE_FAILED');
    expect(failure?.ResourceStatusReason).toContain(
      'Properties validation failed for resource One with message',
    );
    expect(failure?.ResourceStatusReason).toContain(complaint);
  });
});
