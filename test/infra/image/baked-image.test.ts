import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, NestedStack, Size, Stack, Tags, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { InstanceType, type IVpc, MachineImage, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, describe, expect, it } from 'vitest';
import { readMachineFiles } from '../../../infra/instance/machine-files.ts';
import { measureBytes } from '../../../infra/instance/user-data.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { IMAGE_BUILDER_MAX_DOCUMENT_LENGTH } from '../../../lib/limits.ts';
import { errorsOf } from '../../support/aws-validation.ts';
import { onlyResource, resourcesOf, synthFleet, synthTemplate, toText } from '../../support/synthesised.ts';

const directory = mkdtempSync(join(tmpdir(), 'mayfly-image-'));
afterAll(() => rmSync(directory, { recursive: true }));

const template = synthTemplate({ bakedImage: true });

const component = onlyResource(template, 'AWS::ImageBuilder::Component');
const image = onlyResource(template, 'AWS::ImageBuilder::Image');
const surroundings = onlyResource(template, 'AWS::ImageBuilder::InfrastructureConfiguration');

/** Names, with `<uuid>` for the part of the stack's id. */
function nameOf(from: Template, type: string): string {
  const name = onlyResource(from, type).resource.Properties['Name'] as { 'Fn::Join': [string, unknown[]] };
  const [, parts] = name['Fn::Join'];
  return parts
    .map((part) => (JSON.stringify(part).includes('AWS::StackId') ? '<uuid>' : toText(part)))
    .join('');
}

interface Statement {
  Action: unknown;
  Resource: unknown;
  Condition?: unknown;
}

interface Phase {
  name: string;
  steps: [{ inputs: { commands: [string] } }];
}

/** The commands of the component by phase. */
function phasesOf(from: Template): Map<string, string> {
  const { resource } = onlyResource(from, 'AWS::ImageBuilder::Component');
  const { phases } = JSON.parse(toText(resource.Properties['Data'])) as { phases: Phase[] };
  return new Map(phases.map(({ name, steps }) => [name, steps[0].inputs.commands[0]]));
}

describe('a fleet with a baked image', () => {
  it('launches instances from it', () => {
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: Match.objectLike({ ImageId: { 'Fn::GetAtt': [image.id, 'ImageId'] } }),
    });
  });

  it('has no image by default', () => {
    for (const props of [{}, { bakedImage: false }] satisfies WorkerFleetProps[]) {
      synthTemplate(props).resourceCountIs('AWS::ImageBuilder::Image', 0);
    }
  });

  it('has no finding of cdk-nag, and gives the same bytes for each account', () => {
    const synth = () => {
      const app = new App();
      const stack = new Stack(app, 'Test');
      new WorkerFleet(stack, 'Fleet', { bakedImage: true });
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      return JSON.stringify(app.synth().getStackByName('Test').template);
    };
    expect(synth()).toBe(synth());
  });

  it("has no error in AWS's own validation", () => {
    const path = join(directory, 'template.json');
    writeFileSync(path, JSON.stringify(template.toJSON()));
    expect(errorsOf(path)).toEqual([]);
  });

  it('can be in a nested stack', () => {
    const stack = new NestedStack(new Stack(new App(), 'Outer'), 'Inner');
    new WorkerFleet(stack, 'Fleet', { bakedImage: true });
    Template.fromStack(stack).resourceCountIs('AWS::ImageBuilder::Image', 1);
  });
});

describe('the image', () => {
  it("is made of the fleet's own base, with an encrypted volume of the instances' size", () => {
    const props = { bakedImage: true, rootVolume: { size: Size.gibibytes(50), deviceName: '/dev/sda1' } };
    const base = MachineImage.genericLinux({ 'us-east-1': 'ami-0123456789abcdef0' });
    synthTemplate({ ...props, machineImage: base }).hasResourceProperties('AWS::ImageBuilder::ImageRecipe', {
      ParentImage: Match.objectLike({ 'Fn::FindInMap': Match.anyValue() }),
      BlockDeviceMappings: [
        {
          DeviceName: '/dev/sda1',
          Ebs: { DeleteOnTermination: true, Encrypted: true, VolumeSize: 50, VolumeType: 'gp3' },
        },
      ],
      AmiTags: { 'mayfly:fleet': 'Test/Fleet' },
    });
  });

  it.each([
    ['a parameter that is resolved at launch', '/aws/service/debian/release/12/latest/amd64'],
    ['a version of one', '/base/ami:3'],
  ])('is made of %s as Image Builder names it', (_, name) => {
    const machineImage = MachineImage.resolveSsmParameterAtLaunch(name);
    const made = synthTemplate({ bakedImage: true, machineImage });
    made.hasResourceProperties('AWS::ImageBuilder::ImageRecipe', { ParentImage: `ssm:${name}` });
    expect(nameOf(made, 'AWS::ImageBuilder::ImageRecipe')).toMatch(/-[A-Za-z0-9-]{3,30}$/);
  });

  it('is deleted with its AMI and snapshots when it is replaced, or with the stack', () => {
    const { id } = Object.entries(resourcesOf(template, 'AWS::IAM::Role'))
      .map(([id, role]) => ({ id, role }))
      .find(({ role }) => JSON.stringify(role).includes('imagebuilder.amazonaws.com')) as { id: string };
    template.hasResource('AWS::ImageBuilder::Image', {
      Properties: Match.objectLike({ DeletionSettings: { ExecutionRole: { 'Fn::GetAtt': [id, 'Arn'] } } }),
      DeletionPolicy: Match.absent(),
      UpdateReplacePolicy: Match.absent(),
    });
  });

  it('is deleted with a role that Image Builder may assume only for images of this account', () => {
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({
            Principal: { Service: 'imagebuilder.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ],
      }),
    });
  });

  it('is built after the permissions and the routes that the build needs', () => {
    const dependencies = image.resource.DependsOn?.map((id) => id.replace(/[0-9A-F]{8}$/, ''));
    expect(dependencies).toEqual(
      expect.arrayContaining(['FleetBakedImageBuilderPolicy', 'FleetVpcPublicSubnet1DefaultRoute']),
    );
  });
});

describe("the image's name", () => {
  const of = (props: WorkerFleetProps) =>
    nameOf(synthTemplate({ bakedImage: true, ...props }), 'AWS::ImageBuilder::ImageRecipe');

  it('has the stack, the content and the base image, and leaves room for the time in the 128 characters of an AMI', () => {
    const name = nameOf(template, 'AWS::ImageBuilder::ImageRecipe');
    expect(name).toBe(`${nameOf(template, 'AWS::ImageBuilder::Component')}-<${parameterOf(template)}>`);
    const longest = of({ fleetName: 'F'.repeat(64) });
    const deployed = longest
      .replace('<uuid>', '0123456789ab')
      .replace(/-<.*>$/, `-${'of a parameter'.padEnd(30, '-')}`);
    expect(`${deployed} 2026-01-01T00-00-00.000Z`.length).toBeLessThanOrEqual(128);
  });

  it.each<[string, WorkerFleetProps]>([
    ['the tree', { workerDirectory: 'test/fixtures/worker', command: ['node', 'worker.mjs'] }],
    ['the volume', { rootVolume: { size: Size.gibibytes(30) } }],
    ['the fleet', { fleetName: 'other' }],
  ])('changes with %s', (_, props) => {
    expect(of(props)).not.toBe(of({}));
  });

  it('does not change with values that an instance gets at boot', () => {
    expect(of({ concurrency: 7, environment: { A: 'b' }, command: ['true'] })).toBe(of({}));
  });

  it('does not change with a tag of the whole app', () => {
    const { stack } = synthFleet({ bakedImage: true });
    Tags.of(stack).add('team', 'blue');
    const tagged = Template.fromStack(stack);
    for (const type of ['Component', 'ImageRecipe', 'Image']) {
      const full = `AWS::ImageBuilder::${type}`;
      expect(onlyResource(tagged, full).resource.Properties, type).toEqual(
        onlyResource(template, full).resource.Properties,
      );
    }
  });
});

function parameterOf(from: Template): string {
  return Object.keys(from.findParameters('*', { Default: Match.stringLikeRegexp('al2023') }))[0] ?? '';
}

describe('the instance that the image is built on', () => {
  it('requires IMDSv2, runs in the network of the fleet, and is terminated even if the build fails', () => {
    const { Properties } = surroundings.resource;
    expect(Properties).toMatchObject({
      InstanceMetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      InstanceTypes: ['m7i-flex.large', 'm6i.large', 'm5.large'],
      ResourceTags: { 'mayfly:fleet': 'Test/Fleet' },
      TerminateInstanceOnFailure: true,
    });
    expect(toText(Properties['SubnetId'])).toMatch(/^<FleetVpcPublicSubnet1/);
    expect([Properties['SecurityGroupIds']].flat().map(toText)).toEqual([
      expect.stringMatching(/^<FleetSecurityGroup.*\.GroupId>$/),
    ]);
  });

  it("runs in the owner's VPC if one is given", () => {
    const { stack } = synthFleet();
    const vpc = new Vpc(stack, 'Own', { natGateways: 1 }) as IVpc;
    const vpcSubnets = { subnetType: SubnetType.PRIVATE_WITH_EGRESS };
    new WorkerFleet(stack, 'Second', { vpc, vpcSubnets, bakedImage: true });
    Template.fromStack(stack).hasResourceProperties('AWS::ImageBuilder::InfrastructureConfiguration', {
      SubnetId: stack.resolve(vpc.privateSubnets[0]?.subnetId),
    });
  });

  it('runs in the subnet that the owner names', () => {
    const { stack } = synthFleet();
    const vpc = new Vpc(stack, 'Own', { natGateways: 1 }) as IVpc;
    const [, subnet] = vpc.privateSubnets;
    new WorkerFleet(stack, 'Second', { vpc, bakedImage: { ...(subnet && { subnet }) } });
    Template.fromStack(stack).hasResourceProperties('AWS::ImageBuilder::InfrastructureConfiguration', {
      SubnetId: stack.resolve(subnet?.subnetId),
    });
  });

  it('runs there if that subnet has outbound access, even if the subnets of the fleet have none', () => {
    const stack = new Stack(new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } }), 'Test');
    const vpc = new Vpc(stack, 'Own', { natGateways: 1 }) as IVpc;
    const [subnet] = vpc.privateSubnets;
    const vpcSubnets = { subnetType: SubnetType.PUBLIC };
    new WorkerFleet(stack, 'Fleet', { vpc, vpcSubnets, bakedImage: { ...(subnet && { subnet }) } });
    const { DependsOn = [] } = onlyResource(Template.fromStack(stack), 'AWS::ImageBuilder::Image').resource;
    expect(DependsOn).toContainEqual(expect.stringMatching(/^OwnPrivateSubnet1DefaultRoute/));
  });

  it('cannot run in a subnet without outbound access', () => {
    const stack = new Stack(new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } }), 'Test');
    const kinds = [SubnetType.PUBLIC, SubnetType.PRIVATE_ISOLATED];
    const subnetConfiguration = kinds.map((subnetType) => ({ name: subnetType, subnetType }));
    const vpc = new Vpc(stack, 'Own', { natGateways: 0, subnetConfiguration }) as IVpc;
    const [subnet] = vpc.isolatedSubnets;
    const vpcSubnets = { subnetType: SubnetType.PUBLIC };
    new WorkerFleet(stack, 'Fleet', { vpc, vpcSubnets, bakedImage: { ...(subnet && { subnet }) } });
    expect(() => Template.fromStack(stack)).toThrow(
      /bakedImage\.subnet is a subnet without outbound access by IPv4 \(Test\/Own\/IsolatedSubnet1\)/,
    );
  });

  it('has the types that the owner names', () => {
    const instanceTypes = [new InstanceType('c7i.xlarge')];
    synthTemplate({ bakedImage: { instanceTypes } }).hasResourceProperties(
      'AWS::ImageBuilder::InfrastructureConfiguration',
      { InstanceTypes: ['c7i.xlarge'] },
    );
  });

  it('may read what it installs, its component and its log, besides what Systems Manager needs', () => {
    const policies = Object.entries(resourcesOf(template, 'AWS::IAM::Policy'));
    const documents = policies
      .filter(([id]) => id.startsWith('FleetBakedImage'))
      .map(([, { Properties }]) => Properties['PolicyDocument'] as { Statement: Statement[] });
    const statements = documents.flatMap(({ Statement }) => Statement);
    const rights = statements.map(({ Action, Resource }) => [
      [Action].flat().join(' '),
      [Resource].flat().map((one) => toText(one).replace(/[0-9a-f]{64}/, 'HASH')),
    ]);
    expect(rights).toEqual([
      ['imagebuilder:GetComponent', [`<${component.id}.Arn>`]],
      [
        's3:GetObject',
        ['arn:<AWS::Partition>:s3:::ec2imagebuilder*', `${ASSETS}HASH.zip`, `${ASSETS}HASH.tgz`],
      ],
      ['kms:Decrypt', ['*']],
      [
        'logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents',
        [expect.stringMatching(/^<FleetBakedImageLog.*\.Arn>$/)],
      ],
    ]);
  });

  it('may decrypt the tree and Node.js with any key of the bucket of assets, and nothing else', () => {
    const statements = Object.entries(resourcesOf(template, 'AWS::IAM::Policy'))
      .filter(([id]) => id.startsWith('FleetBakedImageBuilderPolicy'))
      .flatMap(
        ([, { Properties }]) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
      );
    const decrypt = statements.find(({ Action }) => Action === 'kms:Decrypt');
    const { StringEquals = {} } = (decrypt?.Condition ?? {}) as { StringEquals?: Record<string, unknown[]> };
    const { 'kms:EncryptionContext:aws:s3:arn': arns = [], ...others } = StringEquals;
    expect(others).toEqual({});
    expect(arns.map((arn) => toText(arn).replace(/[0-9a-f]{64}/, 'HASH'))).toEqual([
      ASSETS.slice(0, -1),
      `${ASSETS}HASH.zip`,
      `${ASSETS}HASH.tgz`,
    ]);
  });

  it('writes a log that is kept for a month, also after a deployment that failed', () => {
    const logs = Object.entries(resourcesOf(template, 'AWS::Logs::LogGroup'));
    const [[id, log] = ['', undefined]] = logs.filter(([id]) => id.startsWith('FleetBakedImage'));
    expect(log).toMatchObject({ Properties: { RetentionInDays: 30 }, DeletionPolicy: 'Retain' });
    expect(image.resource.Properties['LoggingConfiguration']).toEqual({ LogGroupName: { Ref: id } });
  });
});

const ASSETS = 'arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/';

describe('the component', () => {
  const phases = phasesOf(template);

  it('runs the boot script with the same tree, and removes what belongs to one instance', () => {
    const build = phases.get('build') ?? '';
    const userData = toText(
      (
        onlyResource(template, 'AWS::EC2::LaunchTemplate').resource.Properties['LaunchTemplateData'] as {
          UserData: unknown;
        }
      ).UserData,
    );
    const tree = /"key":"([0-9a-f]{64}\.zip)"/.exec(userData)?.[1];
    expect(build).toContain(`"key":"${tree}"`);
    expect(build.trimEnd().split('\n').slice(-2)).toEqual([
      '/usr/local/sbin/mayfly-boot --bake',
      'rm -rf /etc/mayfly',
    ]);
  });

  it('checks Node.js and the units, before and after a boot from the image', () => {
    for (const phase of ['validate', 'test']) {
      expect(phases.get(phase), phase).toContain('/opt/mayfly/node/bin/node --version');
      expect(phases.get(phase), phase).toMatch(/systemctl cat .*mayfly-agent\.service/);
    }
    expect([...phases.keys()]).toEqual(['build', 'validate', 'test']);
  });

  it('has the scripts and units that an instance has before its boot', () => {
    const build = phases.get('build') ?? '';
    for (const { path, mode } of readMachineFiles()) expect(build).toContain(`-m ${mode} /dev/null ${path} `);
  });

  it('is within the limit of Image Builder', () => {
    expect(measureBytes(component.resource.Properties['Data'])).toBeLessThan(
      IMAGE_BUILDER_MAX_DOCUMENT_LENGTH,
    );
  });

  it('stops at the first command that fails', () => {
    for (const commands of phases.values()) expect(commands).toMatch(/^set -euo pipefail\n/);
  });
});

describe('bakedImage', () => {
  it.each<[string, unknown, string]>([
    ['a text', 'yes', 'bakedImage is "yes"; allowed: true, false or an object of instanceTypes, subnet'],
    ['an unknown key', { types: [] }, 'bakedImage.types is not a prop'],
    ['a subnet by its id', { subnet: 'subnet-1' }, 'bakedImage.subnet is "subnet-1"; allowed: an ISubnet'],
    ['no types', { instanceTypes: [] }, 'bakedImage.instanceTypes is []; allowed: a list of 1 to 40'],
    [
      'types of the other architecture',
      { instanceTypes: [new InstanceType('m7g.large')] },
      'bakedImage.instanceTypes is ["m7g.large"]; allowed: types of the architecture of instanceTypes (x86_64)',
    ],
  ])('refuses %s', (_, bakedImage, message) => {
    expect(() => synthTemplate({ bakedImage } as WorkerFleetProps)).toThrow(message);
  });
});
