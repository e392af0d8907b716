import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { readKeeperConfig } from '../../keeper/config.ts';
import { onlyResource, synthTemplate, toText } from '../support/synthesised.ts';

const template = synthTemplate();

function configOf(props?: WorkerFleetProps) {
  const { Environment } = onlyResource(synthTemplate(props), 'AWS::Lambda::Function').resource.Properties as {
    Environment: { Variables: { KEEPER_CONFIG: unknown } };
  };
  return readKeeperConfig(
    toText(Environment.Variables.KEEPER_CONFIG).replace(
      '<FleetQueue',
      'https://sqs.us-east-1.amazonaws.com/1/<FleetQueue',
    ),
  );
}

describe('the keeper', () => {
  it('is a function of Node 24 on arm64, with a timeout shorter than its interval', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: 50,
    });
  });

  it('runs once a minute, and a missed run is not repeated', () => {
    const { id } = onlyResource(template, 'AWS::Lambda::Function');
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: Match.objectLike({
        Arn: { 'Fn::GetAtt': [id, 'Arn'] },
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
      }),
    });
  });

  it('is not retried by Lambda', () => {
    const { id } = onlyResource(template, 'AWS::Lambda::Function');
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: id },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  it('is invoked with a role that may do only that, for this account', () => {
    const { id } = onlyResource(template, 'AWS::Lambda::Function');
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: Match.objectLike({
        Statement: [
          Match.objectLike({
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ],
      }),
      Policies: [
        Match.objectLike({
          PolicyDocument: Match.objectLike({
            Statement: [
              { Action: 'lambda:InvokeFunction', Effect: 'Allow', Resource: { 'Fn::GetAtt': [id, 'Arn'] } },
            ],
          }),
        }),
      ],
    });
  });

  it('keeps its log for a limited time', () => {
    template.hasResource('AWS::Logs::LogGroup', {
      Properties: { RetentionInDays: 30 },
      DeletionPolicy: 'Delete',
    });
  });
});

describe("the keeper's configuration", () => {
  it('names the resources of the template', () => {
    expect(configOf()).toMatchObject({
      fleet: 'Test/Fleet',
      groupName: expect.stringMatching(/^<FleetGroupASG/),
      policyArn: expect.stringMatching(/^<FleetScaleOut/),
      queueUrl: expect.stringContaining('<FleetQueue'),
      table: expect.stringMatching(/^<FleetTable/),
      launchHook: 'launch',
      terminationHook: 'termination',
    });
  });

  it('has the values of the props', () => {
    const config = configOf({
      scaleOut: { threshold: 5, duration: Duration.minutes(3) },
      bootBudget: Duration.minutes(4),
      recordRetention: Duration.days(20),
      groups: { lanes: '20%', maxLanes: 50 },
    });
    expect(config).toMatchObject({
      threshold: 5,
      durationSeconds: 180,
      bootBudgetSeconds: 240,
      recordSeconds: 1_728_000,
      lanes: '20%',
      maxLanes: 50,
    });
  });

  it.each([
    [Duration.minutes(1), 900],
    [Duration.minutes(10), 3000],
  ])('with reports every %s an instance is silent after %i seconds', (reportInterval, seconds) => {
    expect(configOf({ reportInterval }).silentSeconds).toBe(seconds);
  });
});
