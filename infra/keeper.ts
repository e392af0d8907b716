import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AssetHashType, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';
import { type KeeperConfigInput, readKeeperConfig } from '../keeper/config.ts';
import { DEFAULT_SILENT_SECONDS } from '../policy/zombies.ts';
import { BUNDLES, bundle } from './bundle/bundle.ts';
import { LAUNCH_HOOK, TERMINATION_HOOK } from './group/hooks.ts';
import { schedulerRole } from './access/permissions.ts';
import { RETENTION } from './queue.ts';
import type { FleetSettings } from './props/settings.ts';
import { staged } from './bundle/staging.ts';

export interface KeeperSurroundings {
  fleet: string;
  groupName: string;
  policyArn: string;
  queueUrl: string;
  table: string;
  logBucket: string;
}

/** For the check at synth: what only the deployment knows has the shape that it will have then. */
const STAND_INS = {
  groupName: 'group',
  policyArn:
    'arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:id:autoScalingGroupName/group:policyName/p',
  queueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/queue',
  table: 'table',
  logBucket: 'logs',
};

/**
 * A run that failed or was missed is not made up for: the next one does the same. Lambda would try again twice, after
 * one and two minutes, beside the runs of those minutes ("Error handling for asynchronous invocation").
 */
const NO_SECOND_TRY = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };

/** An instance that misses several of its own reports counts as silent. */
export function silentSecondsOf({ reportSeconds }: Pick<FleetSettings, 'reportSeconds'>): number {
  return Math.max(DEFAULT_SILENT_SECONDS, 5 * reportSeconds);
}

/** What the keeper is told. */
function keeperConfig(settings: FleetSettings, surroundings: KeeperSurroundings): KeeperConfigInput {
  const config: KeeperConfigInput = {
    version: 1,
    ...surroundings,
    threshold: settings.scaleOut.threshold,
    durationSeconds: settings.scaleOut.durationSeconds,
    bootBudgetSeconds: settings.bootBudgetSeconds,
    silentSeconds: silentSecondsOf(settings),
    warmPool: settings.warmPool !== undefined,
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    retentionSeconds: RETENTION.toSeconds(),
    recordSeconds: settings.recordSeconds,
  };
  readKeeperConfig(JSON.stringify({ ...config, ...STAND_INS }));
  return config;
}

/** The function that does, once a minute, what must happen when no instance is there to do it. */
export function keeper(
  scope: Construct,
  role: IRole,
  settings: FleetSettings,
  surroundings: KeeperSurroundings,
): LambdaFunction {
  const logGroup = new LogGroup(scope, 'KeeperLog', {
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  logGroup.grantWrite(role);
  const lambda = withKeeperCode(
    (code) =>
      new LambdaFunction(scope, 'Keeper', {
        description: `Keeper of the fleet ${settings.name}: wakes it, settles what instances left behind`,
        runtime: Runtime.NODEJS_24_X,
        architecture: Architecture.ARM_64,
        handler: `${basename(BUNDLES.keeper.file, '.mjs')}.handler`,
        code,
        role,
        memorySize: 256,
        // Over before the next one starts.
        timeout: Duration.seconds(50),
        ...NO_SECOND_TRY,
        logGroup,
        environment: {
          KEEPER_CONFIG: Stack.of(scope).toJsonString(keeperConfig(settings, surroundings)),
        },
      }),
  );
  everyMinute(scope, lambda);
  return lambda;
}

function withKeeperCode(use: (code: Code) => LambdaFunction): LambdaFunction {
  return staged(
    (directory) => writeFileSync(join(directory, basename(BUNDLES.keeper.file)), bundle('keeper')),
    (directory, assetHash) =>
      use(Code.fromAsset(directory, { assetHash, assetHashType: AssetHashType.CUSTOM })),
  );
}

function everyMinute(scope: Construct, lambda: LambdaFunction): void {
  const role = schedulerRole(scope, lambda.functionArn);
  const target = new LambdaInvoke(lambda, {
    // What the construct would add is a right to all versions and aliases, which there are none of.
    role: role.withoutPolicyUpdates(),
    ...NO_SECOND_TRY,
  });
  new Schedule(scope, 'EveryMinute', {
    description: `Runs the keeper ${lambda.node.path}`,
    schedule: ScheduleExpression.rate(Duration.minutes(1)),
    target,
  });
}
