import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../client/doctor/diagnose.ts';
import type { Check } from '../../client/doctor/finding.ts';
import { Fleet } from '../../client/fleet.ts';
import { toItem } from '../../store/item.ts';
import { listingSortKey, statePartition } from '../../store/partitions.ts';
import { runAwsCli } from '../support/aws-cli.ts';
import { type DeployedFleet, deployedFleets } from '../support/deployed.ts';
import { eventually } from '../support/eventually.ts';

const open = deployedFleets();
const PATIENCE_MS = 240_000;

const of = ({ findings }: Diagnosis, check: Check) => findings.filter((finding) => finding.check === check);
const ill = ({ findings }: Diagnosis) => findings.filter(({ status }) => status !== 'ok');

/** Resolves with the first diagnosis after the keeper of a new fleet has run. */
function kept({ library }: DeployedFleet): Promise<Diagnosis> {
  return eventually('a run of the keeper', async () => {
    const diagnosis = await library.diagnose();
    return of(diagnosis, 'keeper').every(({ status }) => status === 'ok') && diagnosis;
  });
}

describe('a fleet without problems', () => {
  test(
    'has no findings while it is idle, while it works, and when it is idle again',
    async () => {
      const fleet = await open();
      expect(ill(await kept(fleet))).toEqual([]);
      /** Expects no problems. Returns the findings about the instances. */
      const instancesText = async () => {
        const diagnosis = await fleet.library.diagnose();
        expect(ill(diagnosis)).toEqual([]);
        return of(diagnosis, 'instances').map(({ text }) => text);
      };
      const gate = join(fleet.directory, 'gate');
      const [job = ''] = await fleet.send({ untilFile: gate }, { failAttempts: 1 });
      await eventually('an instance', async () => (await fleet.instances()).length > 0);
      expect(await instancesText()).not.toEqual(['none']);
      await fleet.event('start', job);
      await eventually('a working instance', async () => (await instancesText())[0]?.includes('working'));
      await writeFile(gate, '');
      await fleet.event('end', job);
      await instancesText();
      await fleet.backToZero();
      expect(await instancesText()).toEqual(['none']);
    },
    PATIENCE_MS,
  );
});

describe('a fleet with problems', () => {
  test(
    'each change by hand has a finding with advice',
    async () => {
      const fleet = await open();
      const { library, clients, stack, cloud } = fleet;
      await kept(fleet);
      const { facts } = library;
      const queue = { QueueUrl: stack.queueUrl };
      await cloud.call('sqs', 'SetQueueAttributes', { ...queue, Attributes: { VisibilityTimeout: '30' } });
      await clients.sqs.send(
        new SendMessageCommand({
          QueueUrl: stack.deadLetterQueueUrl,
          MessageBody: 'report',
          MessageAttributes: {
            MayflyReason: { DataType: 'String', StringValue: 'it \x9b2J exited 65' },
            MayflyJobId: { DataType: 'String', StringValue: 'j-dead' },
          },
        }),
      );
      await cloud.call('dynamodb', 'UpdateTimeToLive', {
        TableName: facts.table,
        TimeToLiveSpecification: { Enabled: false, AttributeName: 'expires' },
      });
      await cloud.call('autoscaling', 'SuspendProcesses', {
        AutoScalingGroupName: facts.group,
        ScalingProcesses: ['Launch', 'AlarmNotification'],
      });
      await cloud.call('monitoring', 'DisableAlarmActions', { AlarmNames: [facts.backlogAlarm] });
      const { RouteTables } = await cloud.call('ec2', 'DescribeRouteTables', {});
      const [{ RouteTableId }] = RouteTables as [{ RouteTableId: string }];
      await cloud.call('ec2', 'DeleteRoute', { RouteTableId, DestinationCidrBlock: '0.0.0.0/0' });
      const enqueuedAt = new Date(Date.now() - 3_600_000).toISOString();
      await clients.dynamodb.send(
        new PutItemCommand({
          TableName: facts.table,
          Item: toItem({
            pk: 'job#j-waits',
            id: 'j-waits',
            state: 'queued',
            attempts: 0,
            enqueuedAt,
            listed: statePartition('queued', 'j-waits'),
            listedAt: listingSortKey(enqueuedAt, 'j-waits'),
          }),
        }),
      );
      const diagnosis = await library.diagnose();
      const found = (check: Check) => JSON.stringify(of(diagnosis, check));
      expect(diagnosis.status).toBe('bad');
      expect(found('queue')).toContain('VisibilityTimeout=15');
      expect(found('dead letters')).toMatch(/j-dead.*exited 65/);
      expect(found('table')).toContain('update-time-to-live');
      expect(found('launches')).toMatch(/Launch.*AlarmNotification/);
      expect(found('alarms')).toContain(`enable-alarm-actions --alarm-names ${facts.backlogAlarm}`);
      expect(found('network')).toMatch(/has no route to the Internet .* no endpoint for sqs, autoscaling:/);
      expect(found('jobs')).toContain('j-waits');
      expect(ill(diagnosis).map(({ check }) => check)).not.toContain('log bucket');

      const { stdout, exitCode } = await fleet.mayfly('doctor');
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/^bad +launches +The group's process Launch/m);
      expect(stdout).toMatch(/^ok +log bucket/m);
      expect(stdout).toContain(String.raw`it \x9b2J exited 65`);
      expect(stdout).toMatch(/\d bad, \d warnings\.$/);
    },
    PATIENCE_MS,
  );

  test(
    'the advice of doctor repairs what was changed by hand',
    async () => {
      const fleet = await open();
      const { library, cloud } = fleet;
      await kept(fleet);
      const { group, policyArn = '', launchHook, terminationHook, backlogAlarm } = library.facts;
      const inGroup = { AutoScalingGroupName: group };
      await cloud.call('autoscaling', 'DeletePolicy', { ...inGroup, PolicyName: policyArn });
      for (const LifecycleHookName of [launchHook, terminationHook]) {
        await cloud.call('autoscaling', 'DeleteLifecycleHook', { ...inGroup, LifecycleHookName });
      }
      await cloud.call('monitoring', 'DisableAlarmActions', { AlarmNames: [backlogAlarm] });
      await cloud.call('sqs', 'SetQueueAttributes', {
        QueueUrl: library.facts.queueUrl,
        Attributes: { VisibilityTimeout: '30', RedrivePolicy: '' },
      });
      await cloud.call('autoscaling', 'UpdateAutoScalingGroup', {
        ...inGroup,
        MinSize: 1,
        MaxSize: 1,
        NewInstancesProtectedFromScaleIn: false,
      });
      await eventually('an instance in service', async () => {
        const { instances } = await library.describe();
        return instances.some(({ lifecycleState }) => lifecycleState === 'InService');
      });
      const first = ill(await library.diagnose());
      const expected = [
        /visibility timeout is 30 s/,
        /no dead-letter queue any more/,
        /minimum size was set to 1 by hand; the stack says 0/,
        /maximum size was set to 1 by hand; the stack says 3/,
        /New instances are not protected/,
        /The instance i-\w+ is not protected/,
        /The scaling policy .* is gone/,
        /The launch hook launch is gone/,
        /The termination hook termination is gone/,
        /The actions of the alarm .* are disabled/,
      ];
      expect(first.map(({ text }) => text)).toEqual(expected.map((text) => expect.stringMatching(text)));
      for (const { advice = '' } of first) await runAwsCli(library.context.clients, advice);
      // The new policy has another ARN, which was unknown before.
      const second = ill(await library.diagnose());
      expect(second.map(({ text }) => text)).toEqual([
        expect.stringMatching(/The alarm .* does not execute the scaling policy/),
      ]);
      for (const { advice = '' } of second) await runAwsCli(library.context.clients, advice);
      expect(ill(await library.diagnose())).toEqual([]);

      for (const InstanceId of await fleet.instances()) {
        const end = { InstanceId, ShouldDecrementDesiredCapacity: true };
        await cloud.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', end);
      }
      await fleet.backToZero();
      const [job = ''] = await fleet.send({});
      await fleet.event('end', job);
      expect(ill(await library.diagnose())).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    'a launch that EC2 refuses is reported with its message',
    async () => {
      const fleet = await open();
      const { LaunchTemplates } = await fleet.cloud.call('ec2', 'DescribeLaunchTemplates', {});
      const [{ LaunchTemplateId }] = LaunchTemplates as [{ LaunchTemplateId: string }];
      await fleet.cloud.call('ec2', 'DeleteLaunchTemplate', { LaunchTemplateId });
      await fleet.send({});
      const finding = await eventually(
        'the refusal',
        async () => of(await fleet.library.diagnose(), 'launches').find(({ status }) => status === 'bad'),
        PATIENCE_MS,
      );
      expect(finding.text).toMatch(/The last (launch|\d+ launches have) failed.*: .*launch template/);
      expect(finding.advice).toContain('delete the stack and deploy it');
      expect((await fleet.library.describe()).launches.failure?.message).toMatch(/launch template/);
    },
    PATIENCE_MS,
  );

  test(
    'resources that are gone have a finding',
    async () => {
      const fleet = await open();
      const { queueUrl, table, logBucket, group } = fleet.library.facts;
      const { call } = fleet.cloud;
      await call('sqs', 'DeleteQueue', { QueueUrl: queueUrl });
      await call('dynamodb', 'DeleteTable', { TableName: table });
      await call('s3', 'DeleteBucket', { Bucket: logBucket });
      await call('autoscaling', 'DeleteAutoScalingGroup', { AutoScalingGroupName: group, ForceDelete: true });
      const diagnosis = await eventually('all of it to be gone', async () => {
        const now = await fleet.library.diagnose();
        return of(now, 'group')[0]?.status === 'bad' && now;
      });
      for (const check of ['queue', 'table', 'log bucket', 'group'] as const) {
        expect(of(diagnosis, check)).toMatchObject([
          { status: 'bad', text: expect.stringContaining('gone') },
        ]);
      }
      expect(of(diagnosis, 'group')[0]?.text).toContain(group);
      expect(await fleet.mayfly('doctor', '--json')).toMatchObject({ exitCode: 1 });
    },
    PATIENCE_MS,
  );
});

test('without a connection to AWS there is one error', async () => {
  const endpoint = process.env['AWS_ENDPOINT_URL'];
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'any',
  });
  const names = { queueUrl: 'http://127.0.0.1:9/1/q', table: 't', logBucket: 'b', group: 'g' };
  const fleet = await Fleet.find({ ...names, region: 'us-east-1' });
  try {
    await expect(fleet.diagnose()).rejects.toMatchObject({ name: 'UnreachableError' });
  } finally {
    fleet.close();
    if (endpoint === undefined) delete process.env['AWS_ENDPOINT_URL'];
    else process.env['AWS_ENDPOINT_URL'] = endpoint;
  }
});
