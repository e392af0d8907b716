// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are Fn::Sub's own syntax.
import {
  CreateStackCommand,
  GetTemplateCommand,
  GetTemplateSummaryCommand,
  type Parameter,
} from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { outputsOf, Stacks } from '../support/stacks.ts';

let cloud: TestCloud;
let stacks: Stacks;

beforeAll(async () => {
  cloud = await startTestCloud();
  stacks = new Stacks(cloud);
  await cloud.call('ssm', 'PutParameter', { Name: '/shop/size', Type: 'String', Value: '12' });
  await cloud.call('ssm', 'PutParameter', { Name: '/shop/zones', Type: 'StringList', Value: 'a,b' });
});
afterAll(async () => {
  stacks.client.destroy();
  await cloud.close();
});

const handle = { Type: 'AWS::CloudFormation::WaitConditionHandle' };
const Resources = { Handle: handle };
let count = 0;

/** Resolves a value as an output of a stack with these sections. */
async function output(Value: unknown, sections: object = {}, Parameters: Parameter[] = []): Promise<string> {
  count += 1;
  const template = { Resources, ...sections, Outputs: { It: { Value } } };
  const stack = await stacks.create(`output-${count}`, template, { Parameters });
  if (stack.StackStatus !== 'CREATE_COMPLETE') {
    const events = await stacks.events(`output-${count}`);
    throw new Error(events.map((event) => event.ResourceStatusReason).join());
  }
  return outputsOf(stack)['It'] ?? '';
}

describe('YAML', () => {
  const text = `
AWSTemplateFormatVersion: 2010-09-09
Description: Short forms of every kind
Parameters:
  Stage: { Type: String, Default: test }
Mappings:
  Sizes: { test: { delay: 5 } }
Conditions:
  Small: !Equals [!Ref Stage, test]
  Both: !And [!Condition Small, !Not [!Equals [a, b]]]
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Condition: Both
    Properties:
      DelaySeconds: !FindInMap [Sizes, !Ref Stage, delay]
      VisibilityTimeout: !If [Small, 60, !Ref AWS::NoValue]
  Pointer:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !Sub
        - '\${Arn} \${Where}'
        - Arn: !GetAtt Jobs.Arn
          Where: !Join ['-', [!Ref AWS::Region, !Select [1, !Split ['.', a.b]]]]
Outputs:
  Pointer: { Value: !GetAtt Pointer.Value }
  Code: { Value: !Base64 hello }
`;

  test('with short intrinsics deploys, and is returned unchanged', async () => {
    const stack = await stacks.create('yaml', text);
    const outputs = outputsOf(stack);
    expect(outputs['Pointer']).toMatch(/^arn:aws:sqs:us-east-1:000000000000:yaml-Jobs-\w+ us-east-1-b$/);
    expect(outputs['Code']).toBe('aGVsbG8=');
    const { TemplateBody } = await stacks.client.send(new GetTemplateCommand({ StackName: 'yaml' }));
    expect(TemplateBody?.trim()).toBe(text.trim());
  });

  test('keeps dates and numbers with leading zeros as text', async () => {
    const stack = await stacks.create(
      'dates',
      `
Resources: { Handle: { Type: AWS::CloudFormation::WaitConditionHandle } }
Outputs: { Date: { Value: 2012-10-17 }, Account: { Value: '012345678901' } }
`,
    );
    expect(outputsOf(stack)).toEqual({ Date: '2012-10-17', Account: '012345678901' });
  });

  test('is summarised by GetTemplateSummary', async () => {
    const summary = await stacks.client.send(new GetTemplateSummaryCommand({ TemplateBody: text }));
    expect(summary).toMatchObject({
      Description: 'Short forms of every kind',
      Parameters: [{ ParameterKey: 'Stage', DefaultValue: 'test', ParameterType: 'String' }],
      ResourceTypes: ['AWS::SQS::Queue', 'AWS::SSM::Parameter'],
    });
  });

  test('is fetched from S3 by its URL', async () => {
    const Bucket = `cdk-hnb659fds-assets-${cloud.accountId}-${cloud.region}`;
    await cloud.call('s3', 'PutObject', { Bucket, Key: 'some/template.yaml', Body: text });
    const urls = [
      `https://s3.us-east-1.amazonaws.com/${Bucket}/some/template.yaml`,
      `https://${Bucket}.s3.us-east-1.amazonaws.com/some/template.yaml`,
    ];
    for (const [index, TemplateURL] of urls.entries()) {
      const StackName = `url-${index}`;
      await stacks.client.send(new CreateStackCommand({ StackName, TemplateURL }));
      expect((await stacks.settled(StackName)).StackStatus).toBe('CREATE_COMPLETE');
    }
    const missing = new CreateStackCommand({ StackName: 'none', TemplateURL: `${urls[0]}x` });
    await expect(stacks.client.send(missing)).rejects.toThrow('some/template.yamlx cannot be read');
  });
});

describe('parameters', () => {
  const declared = (P: object) => ({ Parameters: { P } });
  const given = (ParameterValue: string) => [{ ParameterKey: 'P', ParameterValue }];

  test.each<[what: string, declaration: object, value: Parameter[], result: string]>([
    ['a default', { Type: 'String', Default: 'x' }, [], 'x'],
    ['a given text', { Type: 'String', Default: 'x' }, given('y'), 'y'],
    ['a given empty text', { Type: 'String', Default: 'x' }, given(''), ''],
    ['a number', { Type: 'Number' }, given('4.5'), '4.5'],
    ['an SSM parameter', { Type: 'AWS::SSM::Parameter::Value<String>' }, given('/shop/size'), '12'],
    ['an AWS type', { Type: 'AWS::EC2::VPC::Id' }, given('vpc-1'), 'vpc-1'],
  ])('%s', async (_what, declaration, value, result) => {
    expect(await output({ Ref: 'P' }, declared(declaration), value)).toBe(result);
  });

  test.each<[what: string, type: string, value: string]>([
    ['a comma-delimited list', 'CommaDelimitedList', 'a, b'],
    ['a list of an AWS type', 'List<AWS::EC2::Subnet::Id>', 'a,b'],
    ['a list in SSM', 'AWS::SSM::Parameter::Value<List<String>>', '/shop/zones'],
  ])('%s', async (_what, Type, value) => {
    expect(await output({ 'Fn::Join': ['+', { Ref: 'P' }] }, declared({ Type }), given(value))).toBe('a+b');
  });

  test.each<[what: string, declaration: object, value: Parameter[], complaint: string]>([
    ['none', { Type: 'String' }, [], 'Parameters: [P] must have values'],
    [
      'an unknown one',
      { Type: 'String', Default: 'x' },
      [{ ParameterKey: 'Q', ParameterValue: '1' }],
      'Parameters: [Q] do not exist in the template',
    ],
    [
      'one that is not allowed',
      { Type: 'String', AllowedValues: ['a', 'b'] },
      given('c'),
      "Parameter 'P' must be one of [a, b] (value: 'c')",
    ],
    [
      'one that does not match',
      { Type: 'String', AllowedPattern: '[a-z]+' },
      given('a1'),
      'must match pattern [a-z]+',
    ],
    [
      'a constraint description',
      { Type: 'String', AllowedPattern: '[a-z]+', ConstraintDescription: 'wants letters' },
      given('1'),
      "Parameter 'P' wants letters",
    ],
    ['no number', { Type: 'Number' }, given('four'), "Parameter 'P' must be a number. (value: 'four')"],
    ['one too small', { Type: 'Number', MinValue: 3 }, given('2'), 'must be at least 3'],
    ['one too long', { Type: 'String', MaxLength: 2 }, given('abc'), 'must contain at most 2 characters'],
    [
      'a NoEcho value that is not allowed',
      { Type: 'String', NoEcho: true, AllowedValues: ['a'] },
      given('hidden'),
      "(value: '****')",
    ],
    [
      'an SSM parameter that does not exist',
      { Type: 'AWS::SSM::Parameter::Value<String>' },
      given('/no'),
      'Unable to fetch parameters [/no]',
    ],
  ])('%s is refused', async (_what, declaration, value, complaint) => {
    await expect(output({ Ref: 'P' }, declared(declaration), value)).rejects.toThrow(complaint);
  });

  test('keep their previous value if an update says so', async () => {
    const Parameters = { P: { Type: 'String' } };
    const template = (more: object) => ({
      Resources,
      Parameters,
      Outputs: { It: { Value: { Ref: 'P' } }, ...more },
    });
    await stacks.create('previous', template({}), { Parameters: given('first') });
    const stack = await stacks.update('previous', template({ New: { Value: 1 } }), {
      Parameters: [{ ParameterKey: 'P', UsePreviousValue: true }],
    });
    expect(outputsOf(stack)).toEqual({ It: 'first', New: '1' });
  });
});

describe('a condition', () => {
  const Conditions = { Never: { 'Fn::Equals': ['a', 'b'] } };

  test('leaves out its resource, its output, and the branches that it does not select', async () => {
    const stack = await stacks.create('partial', {
      Conditions,
      Resources: {
        Handle: { ...handle, DependsOn: 'Absent' },
        Absent: { Type: 'AWS::SQS::Queue', Condition: 'Never' },
        Either: {
          Type: 'AWS::SSM::Parameter',
          Properties: { Type: 'String', Value: { 'Fn::If': ['Never', { Ref: 'Absent' }, 'other'] } },
        },
      },
      Outputs: {
        Absent: { Condition: 'Never', Value: { Ref: 'Absent' } },
        Either: { Value: { 'Fn::GetAtt': 'Either.Value' } },
      },
    });
    expect(outputsOf(stack)).toEqual({ Either: 'other' });
    expect(await stacks.story('partial')).not.toContain('Absent CREATE_COMPLETE');
  });

  test('that leaves out a referenced resource is refused', async () => {
    const absent = { Type: 'AWS::SQS::Queue', Condition: 'Never' };
    const needs = { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Absent' } } };
    const template = { Conditions, Resources: { Absent: absent, Needs: needs } };
    await expect(stacks.create('needed', template)).rejects.toThrow(
      'Unresolved resource dependencies [Absent]',
    );
  });
});

describe('further parts of a template', () => {
  test('pseudo parameters', async () => {
    const value = {
      'Fn::Sub': '${AWS::AccountId} ${AWS::Region} ${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackName}',
    };
    expect(await output(value)).toBe(`000000000000 us-east-1 aws amazonaws.com output-${count}`);
    expect(await output({ Ref: 'AWS::StackId' })).toContain(`stack/output-${count}/`);
  });

  test('dynamic references', async () => {
    expect(await output('size {{resolve:ssm:/shop/size}}')).toBe('size 12');
    expect(await output('{{resolve:ssm:/shop/size:1}}')).toBe('12');
    await expect(output('{{resolve:ssm:/nothing}}')).rejects.toThrow('ssm:/nothing');
    await expect(output('{{resolve:secretsmanager:x}}')).rejects.toThrow('{{resolve:secretsmanager:...}}');
  });

  test('rules', async () => {
    const Assert = { 'Fn::Contains': [['small', 'large'], { Ref: 'P' }] };
    const sections = {
      Parameters: { P: { Type: 'String' } },
      Rules: { Sizes: { Assertions: [{ Assert, AssertDescription: 'there are two sizes' }] } },
    };
    expect(await output({ Ref: 'P' }, sections, [{ ParameterKey: 'P', ParameterValue: 'small' }])).toBe(
      'small',
    );
    const refused = output({ Ref: 'P' }, sections, [{ ParameterKey: 'P', ParameterValue: 'huge' }]);
    await expect(refused).rejects.toThrow('rule Sizes: there are two sizes');
  });

  test('language extensions', async () => {
    const sections = { Transform: 'AWS::LanguageExtensions' };
    expect(await output({ 'Fn::Length': [1, 2, 3] }, sections)).toBe('3');
    expect(await output({ 'Fn::ToJsonString': { a: [1] } }, sections)).toBe('{"a":[1]}');
  });
});
