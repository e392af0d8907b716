import { Stack } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { FleetFactsInput } from '../store/fleet-facts.ts';
import { MIN_CAPACITY } from './group/group.ts';
import { LAUNCH_HOOK, TERMINATION_HOOK, terminationHookSecondsOf } from './group/hooks.ts';
import { silentSecondsOf } from './keeper.ts';
import { RETENTION } from './queue.ts';
import type { FleetSettings } from './props/settings.ts';
import type { WorkerFleet } from './worker-fleet.ts';

/** By what name a command finds a fleet. */
export function parameterNameOf({ fleetName }: Pick<WorkerFleet, 'fleetName'>): string {
  return `/mayfly/${fleetName}`;
}

/**
 * The parameter that tells others all that they have to know of the fleet. Nothing of the stack reads it, so that it
 * may name everything there is. It is about 1.5 KB long; a standard parameter holds 4.
 */
export function factsParameter(
  fleet: WorkerFleet,
  settings: FleetSettings,
  alarmTopic: ITopic | undefined,
): StringParameter {
  return new StringParameter(fleet, 'Parameter', {
    parameterName: parameterNameOf(fleet),
    // Said here, as a nested stack's name is not known before it is deployed.
    simpleName: false,
    description: `What commands have to know of the fleet ${fleet.fleetName}`,
    stringValue: Stack.of(fleet).toJsonString(factsOf(fleet, settings, alarmTopic)),
  });
}

function factsOf(
  fleet: WorkerFleet,
  settings: FleetSettings,
  alarmTopic: ITopic | undefined,
): FleetFactsInput {
  return {
    version: 1,
    fleet: fleet.fleetName,
    region: Stack.of(fleet).region,
    queueUrl: fleet.queue.queueUrl,
    deadLetterQueueUrl: fleet.deadLetterQueue.queueUrl,
    table: fleet.table.tableName,
    logBucket: fleet.logBucket.bucketName,
    group: fleet.autoScalingGroup.autoScalingGroupName,
    policyArn: fleet.scalingPolicyArn,
    trackJobs: settings.trackJobs,
    concurrency: settings.concurrency,
    minCapacity: MIN_CAPACITY,
    maxCapacity: settings.maxCapacity,
    scaleOut: settings.scaleOut,
    leaseSeconds: settings.leaseSeconds,
    limitSeconds: settings.limitSeconds,
    maxLimitSeconds: settings.maxLimitSeconds,
    graceSeconds: settings.graceSeconds,
    maxAttempts: settings.maxAttempts,
    retentionSeconds: RETENTION.toSeconds(),
    recordSeconds: settings.recordSeconds,
    bootBudgetSeconds: settings.bootBudgetSeconds,
    silentSeconds: silentSecondsOf(settings),
    backlogAlarm: fleet.backlogAlarm.alarmName,
    bootBreakerAlarm: fleet.bootBreakerAlarm.alarmName,
    keeperFunction: fleet.keeper.functionName,
    ...(alarmTopic && { alarmTopic: alarmTopic.topicArn }),
    setup: settings.setup !== undefined,
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    terminationHookSeconds: terminationHookSecondsOf(settings),
  };
}
