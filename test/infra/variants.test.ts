import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, ArnFormat, type Environment, RemovalPolicy, Size, Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { InstanceType, type IVpc, MachineImage, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, describe, expect, it } from 'vitest';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { WorkerSecret } from '../../infra/props/secrets.ts';
import { WorkerFleet } from '../../infra/worker-fleet.ts';
import { errorsOf } from '../support/aws-validation.ts';
import { type Expected, findTemplateFaults } from '../support/faults.ts';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-variants-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const types = (...names: string[]) => names.map((name) => new InstanceType(name));
const DESTROY = { removalPolicy: RemovalPolicy.DESTROY };
const GRAVITON = ['m7g.large', 'c7g.large'];

interface Variant {
  name: string;
  region?: string;
  partition?: string;
  props: WorkerFleetProps | ((stack: Stack) => WorkerFleetProps);
  around?: (stack: Stack, fleet: WorkerFleet) => void;
}

const VARIANTS: Variant[] = [
  { name: 'for any account and region', props: {} },
  { name: 'that is destroyed with all that it stores', region: 'us-east-1', props: DESTROY },
  { name: 'baked, with a warm pool', region: 'eu-central-1', props: { bakedImage: true, warmPool: {} } },
  { name: 'in a region without M5', region: 'mx-central-1', props: {} },
  {
    name: 'in China, baked',
    region: 'cn-north-1',
    partition: 'aws-cn',
    props: { ...DESTROY, bakedImage: true },
  },
  {
    name: 'in GovCloud, with Systems Manager',
    region: 'us-gov-west-1',
    partition: 'aws-us-gov',
    props: { ...DESTROY, systemsManagerAccess: true },
  },
  { name: 'on arm64, half of it Spot', props: { instanceTypes: types(...GRAVITON), spotShare: 50 } },
  { name: 'in a VPC of the owner', region: 'eu-west-1', props: inOwnVpc },
  { name: 'under keys of the owner', props: withOwnKeys, around: grantToRoles },
  { name: 'billed by the hour', props: { billing: 'per-hour', instanceTypes: types('m5.large') } },
  { name: 'on Debian 12, with a set-up and its vault', props: withSetup },
  {
    name: 'on Ubuntu 24.04 without records, beside another',
    props: {
      machineImage: MachineImage.fromSsmParameter(
        '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
      ),
      rootVolume: { deviceName: '/dev/sda1', size: Size.gibibytes(30) },
      trackJobs: false,
    },
    around: (stack, { vpc }) =>
      void new WorkerFleet(stack, 'Other', { vpc, vpcSubnets: { subnetType: SubnetType.PUBLIC } }),
  },
];

function withSetup(stack: Stack): WorkerFleetProps {
  const setupVaultPassword = StringParameter.fromSecureStringParameterAttributes(stack, 'Password', {
    parameterName: '/dictionary/vault',
    encryptionKey: new Key(stack, 'Secrets', { enableKeyRotation: true }),
  });
  return {
    machineImage: MachineImage.fromSsmParameter('/aws/service/debian/release/12/latest/amd64'),
    workerDirectory: 'examples/dictionary',
    setup: 'setup.yml',
    setupVaultPassword,
    command: ['./define'],
    bakedImage: true,
  };
}

function inOwnVpc(stack: Stack): WorkerFleetProps {
  const vpc = new Vpc(stack, 'Own', { natGateways: 1, restrictDefaultSecurityGroup: false }) as IVpc;
  explain(stack, 'AwsSolutions-VPC7');
  const securityGroups = [new SecurityGroup(stack, 'Out', { vpc })];
  return { vpc, securityGroups };
}

function withOwnKeys(stack: Stack): WorkerFleetProps {
  const key = (id: string) => new Key(stack, id, { enableKeyRotation: true });
  const encryptionKey = key('Secrets');
  const database = Secret.fromSecretAttributes(stack, 'Database', {
    secretPartialArn: stack.formatArn({
      ...{ service: 'secretsmanager', resource: 'secret', resourceName: 'db' },
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
    encryptionKey,
  });
  return {
    encryptionKeys: { queues: key('Queues'), table: key('Table'), logBucket: key('Logs') },
    secrets: { DB_PASSWORD: WorkerSecret.fromSecretsManager(database, { field: 'password' }) },
  };
}

function grantToRoles(stack: Stack, fleet: WorkerFleet): void {
  for (const grant of ['grantEnqueue', 'grantRequest', 'grantFollow', 'grantOperate'] as const) {
    fleet[grant](new Role(stack, grant, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }));
  }
}

/** Acknowledges a finding on resources that are not the fleet's. */
function explain(stack: Stack, id: string): void {
  Validations.of(stack).acknowledge({ id, reason: 'It is made for a test.' });
}

function synthesised({ region, props, around }: Variant): { app: App; stack: Stack } {
  const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } });
  const env: Environment | undefined = region ? { account: '123456789012', region } : undefined;
  const stack = new Stack(app, 'Test', env && { env });
  const fleet = new WorkerFleet(stack, 'Fleet', typeof props === 'function' ? props(stack) : props);
  around?.(stack, fleet);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { app, stack };
}

function expectedOf({ region, partition = region && 'aws', props }: Variant): Expected {
  const given = typeof props === 'function' ? {} : props;
  return {
    partition,
    ownVpc: props !== inOwnVpc,
    types: given.instanceTypes?.map(String) ?? [],
    destroys: given.removalPolicy === RemovalPolicy.DESTROY,
  };
}

const templates = new Map<Variant, Template>();

/** Rejects with the findings of cdk-nag. */
function templateOf(variant: Variant): Template {
  const known = templates.get(variant);
  if (known) return known;
  const { app, stack } = synthesised(variant);
  app.synth();
  const template = Template.fromStack(stack);
  templates.set(variant, template);
  return template;
}

/** The first synth bundles the programs and loads AWS's schemas, which uses a whole core. */
const SYNTH_MS = 400_000;

describe('a fleet', { timeout: SYNTH_MS }, () => {
  it.each(VARIANTS)('$name: is valid for AWS, and has no finding of cdk-nag', (variant) => {
    const template = templateOf(variant);
    const file = join(directory, 'template.json');
    writeFileSync(file, JSON.stringify(template.toJSON()));
    expect(errorsOf(file)).toEqual([]);
    expect(findTemplateFaults(template, expectedOf(variant))).toEqual([]);
  });
});

type Json = Record<'Resources' | 'Outputs', Record<string, { Type: string; [key: string]: unknown }>>;

const resourcesOf = ({ Resources }: Json, type: string) =>
  Object.values(Resources).filter(({ Type }) => Type === type);

/** Sets the value at this path of the first resource of a type. */
const set = (type: string, path: string[], value: unknown) => (template: Json) => {
  let at = resourcesOf(template, type)[0] as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path.at(-1) ?? ''] = value;
};

const output = (name: string, value: string) => (template: Json) => {
  template.Outputs[name] = { ...template.Outputs[name], Value: value } as Json['Outputs'][string];
};

const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
const OVERRIDES = ['Properties', 'MixedInstancesPolicy', 'LaunchTemplate', 'Overrides'];

describe('the check of templates', { timeout: SYNTH_MS }, () => {
  it.each<[string, string, (template: Json) => void]>([
    ['an ARN of the partition aws', 'for any account and region', output('Other', 'arn:aws:s3:::bucket')],
    ['an account', 'for any account and region', output('Other', 'bucket-123456789012')],
    ['a host outside of China', 'in China, baked', output('Other', 'https://sqs.cn-north-1.amazonaws.com/')],
    [
      'the console of another partition',
      'in GovCloud, with Systems Manager',
      output('FleetWatchInstances', 'https://console.aws.amazon.com/ec2/home'),
    ],
    [
      'zones that depend on env',
      'in a region without M5',
      set('AWS::EC2::Subnet', ['Properties', 'AvailabilityZone'], 'mx-central-1a'),
    ],
    [
      'no right of AgentRole to have its assets decrypted',
      'in a region without M5',
      (template) => {
        for (const policy of resourcesOf(template, 'AWS::IAM::Policy')) {
          const { PolicyDocument } = policy['Properties'] as {
            PolicyDocument: { Statement: { Action: unknown }[] };
          };
          PolicyDocument.Statement = PolicyDocument.Statement.filter(
            ({ Action }) => Action !== 'kms:Decrypt',
          );
        }
      },
    ],
    [
      'types that a region may lack, or not those of the owner',
      'in a region without M5',
      set(GROUP, OVERRIDES, [{ InstanceType: 'm5.large' }]),
    ],
    [
      'types that a region may lack, or not those of the owner',
      'on arm64, half of it Spot',
      set(GROUP, OVERRIDES, [{ InstanceType: 'm5.large' }]),
    ],
    [
      'stores with another end',
      'for any account and region',
      set('AWS::SQS::Queue', ['DeletionPolicy'], 'Retain'),
    ],
    [
      'a log bucket that is not emptied before it is destroyed',
      'that is destroyed with all that it stores',
      set('Custom::S3AutoDeleteObjects', ['Type'], 'Custom::Other'),
    ],
  ])('finds %s', (fault, name, spoil) => {
    const variant = VARIANTS.find((one) => one.name === name);
    if (!variant) throw new Error(`no variant ${name}`);
    const template = structuredClone(templateOf(variant).toJSON()) as Json;
    spoil(template);
    expect(findTemplateFaults(Template.fromJSON(template), expectedOf(variant))).toEqual([fault]);
  });
});
