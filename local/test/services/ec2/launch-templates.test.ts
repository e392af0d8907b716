import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  DeleteLaunchTemplateCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  EC2Client,
  ModifyInstanceAttributeCommand,
  ModifyLaunchTemplateCommand,
  type RequestLaunchTemplateData,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

let cloud: TestCloud;
let ec2: EC2Client;
let LaunchTemplateName: string;
let count = 0;
beforeAll(async () => {
  cloud = await startTestCloud();
  ec2 = new EC2Client(cloud.client);
});
afterAll(async () => {
  ec2.destroy();
  await cloud.close();
});
beforeEach(() => {
  count += 1;
  LaunchTemplateName = `template-${count}`;
});

const create = (LaunchTemplateData: RequestLaunchTemplateData) =>
  ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName, LaunchTemplateData }));
const addVersion = (LaunchTemplateData: RequestLaunchTemplateData, SourceVersion?: string) =>
  ec2.send(new CreateLaunchTemplateVersionCommand({ LaunchTemplateName, LaunchTemplateData, SourceVersion }));
const run = async (Version?: string, more = {}) => {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ...{ MinCount: 1, MaxCount: 1, LaunchTemplate: { LaunchTemplateName, Version }, ...more },
    }),
  );
  return Instances?.[0];
};

describe('versions', () => {
  test('are numbered from one, and the first is the default until another one is set', async () => {
    await create({ ImageId: 'ami-1', InstanceType: 't3.micro' });
    await addVersion({ ImageId: 'ami-2' });
    await addVersion({ InstanceType: 'm7i.large' }, '1');
    const { LaunchTemplates } = await ec2.send(
      new DescribeLaunchTemplatesCommand({ LaunchTemplateNames: [LaunchTemplateName] }),
    );
    expect(LaunchTemplates).toMatchObject([{ DefaultVersionNumber: 1, LatestVersionNumber: 3 }]);
    await ec2.send(new ModifyLaunchTemplateCommand({ LaunchTemplateName, DefaultVersion: '2' }));
    const describe = new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName });
    const { LaunchTemplateVersions } = await ec2.send(describe);
    expect(LaunchTemplateVersions).toMatchObject([
      { VersionNumber: 1, DefaultVersion: false, LaunchTemplateData: { ImageId: 'ami-1' } },
      { VersionNumber: 2, DefaultVersion: true, LaunchTemplateData: { ImageId: 'ami-2' } },
      {
        VersionNumber: 3,
        DefaultVersion: false,
        LaunchTemplateData: { ImageId: 'ami-1', InstanceType: 'm7i.large' },
      },
    ]);
  });

  test.each([
    ['$Default', 'ami-1'],
    [undefined, 'ami-1'],
    ['$Latest', 'ami-2'],
    ['2', 'ami-2'],
  ])('a launch from %s has the image %s', async (version, image) => {
    await create({ ImageId: 'ami-1' });
    await addVersion({ ImageId: 'ami-2' });
    expect(await run(version)).toMatchObject({ ImageId: image });
  });
});

test.each<[string, RequestLaunchTemplateData, string]>([
  ['a parameter that is not implemented', { KernelId: 'aki-1' }, 'UnsupportedOperation'],
  ['user-data that is not base64', { UserData: '#!/bin/sh' }, 'InvalidUserData.Malformed'],
  [
    'user-data of more than 16 KB',
    { UserData: Buffer.alloc(16_385).toString('base64') },
    'InvalidParameterValue',
  ],
])('%s is refused', async (_, data, name) => {
  await expect(create({ ImageId: 'ami-1', ...data })).rejects.toMatchObject({ name });
});

test('a name can be used once, and again after its template is deleted', async () => {
  await create({ ImageId: 'ami-1' });
  await expect(create({ ImageId: 'ami-1' })).rejects.toMatchObject({
    name: 'InvalidLaunchTemplateName.AlreadyExistsException',
  });
  await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateName }));
  await expect(run()).rejects.toMatchObject({ name: 'InvalidLaunchTemplateName.NotFoundException' });
  await create({ ImageId: 'ami-1' });
});

describe('a launch', () => {
  const withTags = (Key: string, Value: string) => ({
    TagSpecifications: [{ ResourceType: 'instance' as const, Tags: [{ Key, Value }] }],
  });

  test("has the template's tags and its own", async () => {
    await create({ ImageId: 'ami-1', ...withTags('team', 'a') });
    const instance = await run('1', withTags('owner', 'b'));
    const tags = Object.fromEntries((instance?.Tags ?? []).map(({ Key = '', Value }) => [Key, Value]));
    expect(tags).toMatchObject({ team: 'a', owner: 'b', 'aws:ec2launchtemplate:version': '1' });
  });

  test.each(['a key with spaces', 'team/name', '_index'])(
    'with tags in the metadata fails for the key %j',
    async (key) => {
      const MetadataOptions = { InstanceMetadataTags: 'enabled' as const };
      await create({ ImageId: 'ami-1', MetadataOptions, ...withTags(key, 'x') });
      await expect(run()).rejects.toMatchObject({
        name: 'InvalidParameterValue',
        message: expect.stringMatching(`^'${key}' is not a valid tag key\\. `),
      });
    },
  );

  test.each([
    [{}, 'MissingParameter'],
    [{ ImageId: 'ami-1', DryRun: true }, 'UnsupportedOperation'],
    [{ ImageId: 'ami-1', SubnetId: 'subnet-0' }, 'InvalidSubnetID.NotFound'],
    [{ ImageId: 'ami-1', IamInstanceProfile: { Name: 'nobody' } }, 'InvalidParameterValue'],
  ])('of %j is refused', async (parameters, name) => {
    const launch = new RunInstancesCommand({ MinCount: 1, MaxCount: 1, ...parameters });
    await expect(ec2.send(launch)).rejects.toMatchObject({ name });
  });

  test('is found by its state and tags', async () => {
    await create({ ImageId: 'ami-1', ...withTags('test', LaunchTemplateName) });
    const { InstanceId } = (await run()) ?? {};
    const find = async (state: string, value: string) => {
      const { Reservations } = await ec2.send(
        new DescribeInstancesCommand({
          Filters: [
            { Name: 'tag:test', Values: [value] },
            { Name: 'instance-state-name', Values: [state] },
          ],
        }),
      );
      return Reservations?.flatMap(({ Instances }) => Instances?.map((one) => one.InstanceId));
    };
    await expect.poll(() => find('running', LaunchTemplateName)).toEqual([InstanceId]);
    expect(await find('running', 'template-?*')).toContain(InstanceId);
    expect(await find('terminated', LaunchTemplateName)).toEqual([]);
    const unknown = new DescribeInstancesCommand({ Filters: [{ Name: 'vpc-id', Values: ['vpc-1'] }] });
    await expect(ec2.send(unknown)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });
});

test('termination protection applies until it is disabled', async () => {
  await create({ ImageId: 'ami-1', DisableApiTermination: true });
  const { InstanceId = '' } = (await run()) ?? {};
  const terminate = new TerminateInstancesCommand({ InstanceIds: [InstanceId] });
  await expect(ec2.send(terminate)).rejects.toMatchObject({ name: 'OperationNotPermitted' });
  const attribute = new DescribeInstanceAttributeCommand({ InstanceId, Attribute: 'disableApiTermination' });
  expect((await ec2.send(attribute)).DisableApiTermination).toEqual({ Value: true });
  await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId, DisableApiTermination: { Value: false } }));
  const { TerminatingInstances } = await ec2.send(terminate);
  expect(TerminatingInstances).toMatchObject([{ InstanceId, CurrentState: { Name: 'shutting-down' } }]);
});
