import { PutScalingPolicyCommand, SuspendProcessesCommand } from '@aws-sdk/client-auto-scaling';
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  DisableAlarmActionsCommand,
  GetMetricStatisticsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { CreateQueueCommand, PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GroupCloud, startGroupCloud } from '../../support/group-cloud.ts';

let fleet: GroupCloud;
let cloudWatch: CloudWatchClient;
let sqs: SQSClient;
let QueueUrl: string | undefined;
beforeEach(async () => {
  fleet = await startGroupCloud();
  cloudWatch = new CloudWatchClient(fleet.cloud.client);
  sqs = new SQSClient(fleet.cloud.client);
  ({ QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'jobs' })));
  // Metrics are collected at the full minute and alarms evaluated at the half. The steps of the tests end there.
  await fleet.clock.advance(MINUTE / 2);
});
afterEach(async () => {
  cloudWatch.destroy();
  sqs.destroy();
  await fleet.close();
});

const MINUTE = 60_000;
const minutes = (count: number) => fleet.clock.advance(count * MINUTE);

const putAlarm = (settings: Partial<PutMetricAlarmCommandInput> = {}) =>
  cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: 'backlog',
      Namespace: 'AWS/SQS',
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: 'jobs' }],
      Statistic: 'Maximum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'notBreaching',
      ...settings,
    }),
  );

const alarm = async () => {
  const { MetricAlarms } = await cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: ['backlog'] }));
  return MetricAlarms?.[0];
};
const state = async () => (await alarm())?.StateValue;
const actions = async () => {
  const history = new DescribeAlarmHistoryCommand({ AlarmName: 'backlog', HistoryItemType: 'Action' });
  const { AlarmHistoryItems } = await cloudWatch.send(history);
  return AlarmHistoryItems?.map(({ HistorySummary }) => HistorySummary) ?? [];
};
/** The visible messages that were reported in the last hour. */
const datapoints = async () => {
  const now = fleet.clock.now();
  const { Datapoints } = await cloudWatch.send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: 'AWS/SQS', MetricName: 'ApproximateNumberOfMessagesVisible', Period: 60 },
      ...{ StartTime: new Date(now - 3_600_000), EndTime: new Date(now + MINUTE) },
      ...{ Dimensions: [{ Name: 'QueueName', Value: 'jobs' }], Statistics: ['Maximum'] },
    }),
  );
  return Datapoints?.map(({ Maximum }) => Maximum);
};
const send = () => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'job' }));

/** A group with one step policy: one instance for one message, three for three or more messages. */
async function scaleOutPolicy(): Promise<string> {
  await fleet.createGroup();
  const { PolicyARN } = await fleet.autoScaling.send(
    new PutScalingPolicyCommand({
      ...{ AutoScalingGroupName: 'workers', PolicyName: 'out', PolicyType: 'StepScaling' },
      ...{ AdjustmentType: 'ChangeInCapacity', EstimatedInstanceWarmup: 60 },
      StepAdjustments: [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 2, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 2, ScalingAdjustment: 3 },
      ],
    }),
  );
  return PolicyARN ?? '';
}

describe('an alarm on a queue', () => {
  test('follows the visible messages, minute by minute', async () => {
    await putAlarm();
    expect(await state()).toBe('INSUFFICIENT_DATA');
    await minutes(1);
    expect(await state()).toBe('OK');
    await send();
    expect(await state()).toBe('OK');
    await minutes(1);
    expect(await alarm()).toMatchObject({
      StateValue: 'ALARM',
      StateReason: 'Threshold Crossed: 1 datapoints [1] were greater than or equal to the threshold (1).',
    });
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    await minutes(1);
    expect(await state()).toBe('OK');
  });

  test('is evaluated half a minute after the metrics are collected', async () => {
    await putAlarm();
    await send();
    await fleet.clock.advance(MINUTE / 2);
    expect(await datapoints()).toEqual([1]);
    expect(await state()).toBe('INSUFFICIENT_DATA');
    await fleet.clock.advance(MINUTE / 2);
    expect(await state()).toBe('ALARM');
  });

  test('has no data of a queue that was unused for six hours, and late data of one that is used again', async () => {
    await putAlarm({ TreatMissingData: 'missing' });
    await minutes(360);
    expect(await state()).toBe('OK');
    await minutes(4);
    expect(await state()).toBe('INSUFFICIENT_DATA');
    await send();
    await minutes(14);
    expect(await state()).toBe('INSUFFICIENT_DATA');
    await minutes(2);
    expect(await state()).toBe('ALARM');
  });

  test('keeps getting data of a queue that has a message', async () => {
    await putAlarm({ TreatMissingData: 'missing' });
    await send();
    await minutes(365);
    expect(await state()).toBe('ALARM');
  });

  test('waits for its number of evaluation periods', async () => {
    await putAlarm({ EvaluationPeriods: 5 });
    await minutes(5);
    await send();
    await minutes(4);
    expect(await state()).toBe('OK');
    await minutes(1);
    expect(await state()).toBe('ALARM');
  });

  test('scales out, and again each minute while it lasts', async () => {
    const policy = await scaleOutPolicy();
    await putAlarm({ AlarmActions: [policy] });
    await send();
    await minutes(1);
    await fleet.reach('InService');
    const [{ Cause } = {}] = await fleet.activities();
    expect(Cause).toMatch(
      /^At \S+ a monitor alarm backlog in state ALARM triggered policy out changing the desired capacity from 0 to 1\./,
    );
    await send();
    await send();
    // By now the first one is warm, so the step is another one.
    await minutes(1);
    expect(await fleet.desired()).toBe(4);
    await fleet.reach('InService', 'InService', 'InService', 'InService');
    expect(await actions()).toHaveLength(2);
  });

  test('scales nothing while alarm notifications are suspended, or its actions disabled', async () => {
    const policy = await scaleOutPolicy();
    await putAlarm({ AlarmActions: [policy] });
    const suspend = { AutoScalingGroupName: 'workers', ScalingProcesses: ['AlarmNotification'] };
    await fleet.autoScaling.send(new SuspendProcessesCommand(suspend));
    await send();
    await minutes(1);
    expect(await actions()).toEqual([`Failed to execute action ${policy}`]);
    await cloudWatch.send(new DisableAlarmActionsCommand({ AlarmNames: ['backlog'] }));
    await minutes(1);
    expect(await actions()).toHaveLength(1);
    expect(await fleet.desired()).toBe(0);
  });
});

test('another action is recorded once and not executed', async () => {
  await putAlarm({ AlarmActions: ['arn:aws:sns:us-east-1:000000000000:people'] });
  await send();
  await minutes(2);
  expect(await actions()).toEqual([expect.stringMatching(/people is not carried out here/)]);
});

test('SetAlarmState applies until the next evaluation', async () => {
  const policy = await scaleOutPolicy();
  await putAlarm({ AlarmActions: [policy] });
  const set = { AlarmName: 'backlog', StateValue: 'ALARM', StateReason: 'a test' } as const;
  await cloudWatch.send(new SetAlarmStateCommand(set));
  expect(await state()).toBe('ALARM');
  await fleet.reach('InService');
  await minutes(1);
  expect(await state()).toBe('OK');
});

test('custom metrics are put, alarmed on and read', async () => {
  const metric = { Namespace: 'Own', MetricName: 'Broken' };
  await putAlarm({ ...metric, Dimensions: [{ Name: 'Fleet', Value: 'f' }] });
  const put = (Value: number) =>
    cloudWatch.send(
      new PutMetricDataCommand({
        Namespace: 'Own',
        MetricData: [{ MetricName: 'Broken', Dimensions: [{ Name: 'Fleet', Value: 'f' }], Value }],
      }),
    );
  await put(0);
  await put(1);
  await minutes(1);
  expect(await state()).toBe('ALARM');
  await put(0);
  await minutes(1);
  expect(await state()).toBe('OK');
  const now = fleet.clock.now();
  const { Datapoints } = await cloudWatch.send(
    new GetMetricStatisticsCommand({
      ...{ ...metric, Dimensions: [{ Name: 'Fleet', Value: 'f' }], Period: 3600 },
      ...{ StartTime: new Date(now - 3_600_000), EndTime: new Date(now + 1) },
      Statistics: ['Sum', 'SampleCount', 'Maximum', 'Average'],
    }),
  );
  expect(Datapoints).toMatchObject([{ Sum: 1, SampleCount: 3, Maximum: 1, Average: 1 / 3 }]);
});

test.each<[Partial<PutMetricAlarmCommandInput>, string]>([
  [{ Metrics: [{ Id: 'm', Expression: 'a + b' }] }, 'Metrics of a metric alarm is not implemented here'],
  [{ ExtendedStatistic: 'p99' }, 'ExtendedStatistic of a metric alarm is not implemented here'],
  [{ Period: 10 }, 'high-resolution alarms are not implemented'],
  [{ DatapointsToAlarm: 2 }, 'DatapointsToAlarm'],
])('%j is refused by name', async (settings, message) => {
  await expect(putAlarm(settings)).rejects.toThrow(message);
});

test('DeleteAlarms deletes the alarms that exist', async () => {
  await putAlarm();
  await cloudWatch.send(new DeleteAlarmsCommand({ AlarmNames: ['none', 'backlog'] }));
  expect(await alarm()).toBeUndefined();
});
