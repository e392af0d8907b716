import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { createSimulatedClock } from '../../../local/clock.ts';
import { startTestCloud } from '../../../local/test/support/cloud.ts';
import { onlyResource, resourcesOf, synthTemplate } from '../../support/synthesised.ts';

const template = synthTemplate();

interface StepAdjustment {
  MetricIntervalLowerBound: number;
  MetricIntervalUpperBound?: number;
  ScalingAdjustment: number;
}

function stepsOf(from: ReturnType<typeof synthTemplate>): StepAdjustment[] {
  return onlyResource(from, 'AWS::AutoScaling::ScalingPolicy').resource.Properties[
    'StepAdjustments'
  ] as StepAdjustment[];
}

describe('the scaling policy', () => {
  it('is one step scaling policy with a warm-up, and only adds capacity', () => {
    template.resourcePropertiesCountIs(
      'AWS::AutoScaling::ScalingPolicy',
      { PolicyType: 'StepScaling', AdjustmentType: 'ChangeInCapacity', EstimatedInstanceWarmup: 300 },
      1,
    );
    expect(Math.min(...stepsOf(template).map((step) => step.ScalingAdjustment))).toBe(1);
    template.resourceCountIs('AWS::AutoScaling::ScheduledAction', 0);
  });

  it.each([1, 2, 20, 21, 1000])(
    'has at most 20 steps, the last to the maximum of %i and without end',
    (max) => {
      const steps = stepsOf(synthTemplate({ maxCapacity: max }));
      expect(steps.length).toBeLessThanOrEqual(20);
      expect(steps[0]?.MetricIntervalLowerBound).toBe(0);
      expect(steps.at(-1)).toMatchObject({ ScalingAdjustment: max });
      expect(steps.at(-1)).not.toHaveProperty('MetricIntervalUpperBound');
    },
  );

  it('divides the backlog by the slots of an instance', () => {
    const steps = stepsOf(synthTemplate({ maxCapacity: 2, concurrency: 8 }));
    expect(steps).toEqual([
      { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 8, ScalingAdjustment: 1 },
      { MetricIntervalLowerBound: 8, ScalingAdjustment: 2 },
    ]);
  });
});

describe('the backlog alarm', () => {
  const { id: policy } = onlyResource(template, 'AWS::AutoScaling::ScalingPolicy');
  const alarm = {
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateNumberOfMessagesVisible',
    Statistic: 'Maximum',
    Period: 60,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: 'notBreaching',
    AlarmActions: [{ Ref: policy }],
  };

  it('is in alarm after one message for one minute', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      ...alarm,
      Threshold: 1,
      EvaluationPeriods: 1,
    });
  });

  it('can wait for five minutes', () => {
    synthTemplate({ scaleOut: { threshold: 1, duration: Duration.minutes(5) } }).hasResourceProperties(
      'AWS::CloudWatch::Alarm',
      { ...alarm, Threshold: 1, EvaluationPeriods: 5 },
    );
  });
});

describe('the alarm of the boot breaker', () => {
  it('watches what the keeper reports for this fleet', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'Mayfly',
      MetricName: 'BootBreaker',
      Dimensions: [{ Name: 'Fleet', Value: 'Test/Fleet' }],
      Threshold: 1,
    });
  });

  it('notifies a topic of the owner, and none by default', () => {
    const { resource } = breakerOf(template);
    expect(resource.Properties['AlarmActions']).toBeUndefined();
    const stack = new Stack(new App(), 'Test');
    const alarmTopic = new Topic(stack, 'Operators');
    new WorkerFleet(stack, 'Fleet', { alarmTopic });
    const told = [stack.resolve(alarmTopic.topicArn)];
    expect(breakerOf(Template.fromStack(stack)).resource.Properties).toMatchObject({
      AlarmActions: told,
      OKActions: told,
    });
  });

  it('ends with the 0 that the keeper writes once, also after a 1 in the same minute', async () => {
    const { AlarmDescription: _, ...watch } = breakerOf(template).resource.Properties;
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
      const alarm = { AlarmName: 'breaker', ...watch } as unknown as PutMetricAlarmCommandInput;
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

function breakerOf(from: Template) {
  const alarms = Object.entries(resourcesOf(from, 'AWS::CloudWatch::Alarm'));
  const [found] = alarms.filter(([, { Properties }]) => Properties['MetricName'] === 'BootBreaker');
  if (!found) throw new Error('no alarm on the boot breaker');
  return { id: found[0], resource: found[1] };
}
