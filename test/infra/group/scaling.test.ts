import { Duration } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { onlyResource, synthTemplate } from '../../support/synthesised.ts';

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
