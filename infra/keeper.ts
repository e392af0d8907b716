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
import { DEFAULT_SILENT_SECONDS } from '../policy/silent-instances.ts';
import { createSchedulerRole } from './access/permissions.ts';
import { BUNDLES, bundle } from './bundle/bundle.ts';
import { withStagingDirectory } from './bundle/staging.ts';
import { LAUNCH_HOOK, TERMINATION_HOOK } from './group/hooks.ts';
import type { FleetSettings } from './props/settings.ts';
import { MESSAGE_RETENTION } from './queue.ts';

/** The resources that the keeper has to know. */
export interface KeeperEnvironment {
  fleet: string;
  groupName: string;
  policyArn: string;
  queueUrl: string;
  table: string;
  logBucket: string;
}

/** Values of the right format, for the check at synth. Only the deployment knows the real ones. */
const STAND_INS = {
  groupName: 'group',
  policyArn:
    'arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:id:autoScalingGroupName/group:policyName/p',
  queueUrl: 'https://sqs.us-east-1.amazonaws.com/123456789012/queue',
  table: 'table',
  logBucket: 'logs',
};

/**
 * A failed or missed run is not repeated: the next one does the same work. By default Lambda retries twice, after one and
 * two minutes, in parallel with the runs of those minutes ("Error handling for asynchronous invocation").
 */
const NO_RETRIES = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };

/** How long an instance may be silent: at least five intervals of its reports. */
export function computeSilentSeconds({ reportSeconds }: Pick<FleetSettings, 'reportSeconds'>): number {
  return Math.max(DEFAULT_SILENT_SECONDS, 5 * reportSeconds);
}

/** The content of the environment variable `KEEPER_CONFIG`. */
function makeKeeperConfig(settings: FleetSettings, environment: KeeperEnvironment): KeeperConfigInput {
  const config: KeeperConfigInput = {
    version: 1,
    ...environment,
    threshold: settings.scaleOut.threshold,
    durationSeconds: settings.scaleOut.durationSeconds,
    bootBudgetSeconds: settings.bootBudgetSeconds,
    silentSeconds: computeSilentSeconds(settings),
    warmPool: settings.warmPool !== undefined,
    lanes: settings.groups.lanes,
    maxLanes: settings.groups.maxLanes,
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    retentionSeconds: MESSAGE_RETENTION.toSeconds(),
    recordSeconds: settings.recordSeconds,
  };
  readKeeperConfig(JSON.stringify({ ...config, ...STAND_INS }));
  return config;
}

/** The Lambda function that runs once a minute and does what must be done even if no instance runs. */
export function createKeeper(
  scope: Construct,
  role: IRole,
  settings: FleetSettings,
  environment: KeeperEnvironment,
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
        // Shorter than the interval of the schedule, so that runs do not overlap.
        timeout: Duration.seconds(50),
        ...NO_RETRIES,
        logGroup,
        environment: {
          KEEPER_CONFIG: Stack.of(scope).toJsonString(makeKeeperConfig(settings, environment)),
        },
      }),
  );
  createSchedule(scope, lambda);
  return lambda;
}

function withKeeperCode(use: (code: Code) => LambdaFunction): LambdaFunction {
  return withStagingDirectory(
    (directory) => writeFileSync(join(directory, basename(BUNDLES.keeper.file)), bundle('keeper')),
    (directory, assetHash) =>
      use(Code.fromAsset(directory, { assetHash, assetHashType: AssetHashType.CUSTOM })),
  );
}

function createSchedule(scope: Construct, lambda: LambdaFunction): void {
  const role = createSchedulerRole(scope, lambda.functionArn);
  const target = new LambdaInvoke(lambda, {
    // The construct would add a permission for all versions and aliases. The function has none.
    role: role.withoutPolicyUpdates(),
    ...NO_RETRIES,
  });
  new Schedule(scope, 'EveryMinute', {
    description: `Runs the keeper ${lambda.node.path}`,
    schedule: ScheduleExpression.rate(Duration.minutes(1)),
    target,
  });
}
