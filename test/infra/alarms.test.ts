import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { describe, expect, it } from 'vitest';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { WorkerFleet } from '../../infra/worker-fleet.ts';
import { createSimulatedClock } from '../../local/clock.ts';
import { startTestCloud } from '../../local/test/support/cloud.ts';
import { resourcesOf, synthFleet } from '../support/synthesised.ts';

/** A fleet with a topic of its owner. */
function synthNotified(props: WorkerFleetProps = {}) {
  const stack = new Stack(new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } }), 'Test');
  const alarmTopic = new Topic(stack, 'Operators');
  const fleet = new WorkerFleet(stack, 'Fleet', { alarmTopic, ...props });
  return { fleet, template: Template.fromStack(stack), topic: stack.resolve(alarmTopic.topicArn) };
}

function alarmsOf(template: Template, metric: string): Record<string, unknown>[] {
  const alarms = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm'));
  return alarms.map(({ Properties }) => Properties).filter(({ MetricName }) => MetricName === metric);
}

const notified = synthNotified();
const { stack, fleet: silent } = synthFleet();
const template = Template.fromStack(stack);

describe.each(['BootBreaker', 'StoppedGroups'])('the alarm %s', (metric) => {
  const [watched = {}] = alarmsOf(notified.template, metric);

  it('watches what the keeper reports for this fleet, and notifies the topic of the owner', () => {
    expect(watched).toMatchObject({
      Namespace: 'Mayfly',
      MetricName: metric,
      Dimensions: [{ Name: 'Fleet', Value: 'Test/Fleet' }],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      AlarmActions: [notified.topic],
      OKActions: [notified.topic],
    });
  });

  it('ends with the 0 that the keeper writes once, also after a 1 in the same minute', async () => {
    const { AlarmDescription: _, AlarmActions: __, OKActions: ___, ...watch } = watched;
    const { Namespace, MetricName, Dimensions } = watch as unknown as PutMetricAlarmCommandInput;
    const clock = createSimulatedClock();
    const cloud = await startTestCloud({ clock });
    const cloudWatch = new CloudWatchClient(cloud.client);
    const report = (Value: number) =>
      cloudWatch.send(
        new PutMetricDataCommand({ Namespace, MetricData: [{ MetricName, Dimensions, Value }] }),
      );
    const stateAfter = async (minutes: number) => {
      await clock.advance(minutes * 60_000);
      const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({}));
      return MetricAlarms.map(({ StateValue }) => StateValue);
    };
    try {
      const alarm = { AlarmName: 'alarm', ...watch } as unknown as PutMetricAlarmCommandInput;
      await cloudWatch.send(new PutMetricAlarmCommand(alarm));
      await report(1);
      expect(await stateAfter(1.5)).toEqual(['ALARM']);
      await report(1);
      await report(0);
      expect(await stateAfter(1)).toEqual(['OK']);
      expect(await stateAfter(10)).toEqual(['OK']);
    } finally {
      cloudWatch.destroy();
      await cloud.close();
    }
  });
});

describe('without a topic', () => {
  it('the alarm of the boot breaker notifies none', () => {
    const [alarm] = alarmsOf(template, 'BootBreaker');
    expect(alarm).toMatchObject({ MetricName: 'BootBreaker' });
    expect(alarm).not.toHaveProperty('AlarmActions');
  });

  it('there is none on stopped groups, which would cost and tell nobody', () => {
    expect(alarmsOf(template, 'StoppedGroups')).toEqual([]);
    expect(silent.stoppedGroupsAlarm).toBeUndefined();
    expect(notified.fleet.stoppedGroupsAlarm).toBeDefined();
  });
});

it('there is no alarm on stopped groups without records of jobs, which groups need', () => {
  const { fleet, template } = synthNotified({ trackJobs: false });
  expect(fleet.stoppedGroupsAlarm).toBeUndefined();
  expect(alarmsOf(template, 'StoppedGroups')).toEqual([]);
  expect(alarmsOf(template, 'BootBreaker')).toHaveLength(1);
});

describe('the metrics of groups', () => {
  const imported = WorkerFleet.fromName(new Stack(new App(), 'Other'), 'ByName', 'Test/Fleet');

  it.each(['HeldJobs', 'OldestHeldJob', 'StoppedGroups'] as const)(
    '%s: of a fleet and of one that is known by its name are the same, and take options',
    (name) => {
      const of = {
        namespace: 'Mayfly',
        metricName: name,
        dimensions: { Fleet: 'Test/Fleet' },
        statistic: 'Minimum',
      };
      for (const fleet of [silent, imported]) {
        expect(fleet[`metric${name}`]()).toMatchObject(of);
        expect(fleet[`metric${name}`]({ statistic: 'Maximum' })).toMatchObject({
          ...of,
          statistic: 'Maximum',
        });
      }
    },
  );
});
