import { Stack } from 'aws-cdk-lib';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { type FleetFactsInput, FleetFactsSchema } from '../store/fleet-facts.ts';
import type { FleetResources } from './fleet-resources.ts';
import { MIN_CAPACITY } from './group/group.ts';
import { computeTerminationHookSeconds, LAUNCH_HOOK, TERMINATION_HOOK } from './group/hooks.ts';
import { computeSilentSeconds } from './keeper.ts';
import type { FleetSettings } from './props/settings.ts';
import { settingsForFacts } from './props/table.ts';
import { MESSAGE_RETENTION } from './queue.ts';

/** Name of the SSM parameter by which the commands find a fleet. */
function formatParameterName({ fleetName }: { fleetName: string }): string {
  return `/mayfly/${fleetName}`;
}

/**
 * The SSM parameter with the fleet facts, which the commands read. No resource of the stack reads it, so that it may
 * name all of them. It is about 1.5 KB long; a standard parameter holds 4 KB.
 */
export function createFactsParameter(fleet: FleetResources, settings: FleetSettings): StringParameter {
  return new StringParameter(fleet, 'Parameter', {
    parameterName: formatParameterName(fleet),
    // CDK cannot tell by a name that only the deployment knows, such as that of a nested stack.
    simpleName: false,
    description: `What commands have to know of the fleet ${fleet.fleetName}`,
    stringValue: Stack.of(fleet).toJsonString(sortBySchema(makeFacts(fleet, settings))),
  });
}

function makeFacts(fleet: FleetResources, settings: FleetSettings): FleetFactsInput {
  return {
    ...settingsForFacts(settings),
    version: 1,
    fleet: fleet.fleetName,
    region: Stack.of(fleet).region,
    queueUrl: fleet.queue.queueUrl,
    deadLetterQueueUrl: fleet.deadLetterQueue.queueUrl,
    table: fleet.table.tableName,
    logBucket: fleet.logBucket.bucketName,
    group: fleet.autoScalingGroup.autoScalingGroupName,
    policyArn: fleet.scalingPolicyArn,
    minCapacity: MIN_CAPACITY,
    retentionSeconds: MESSAGE_RETENTION.toSeconds(),
    silentSeconds: computeSilentSeconds(settings),
    backlogAlarm: fleet.backlogAlarm.alarmName,
    bootBreakerAlarm: fleet.bootBreakerAlarm.alarmName,
    keeperFunction: fleet.keeper.functionName,
    launchHook: LAUNCH_HOOK,
    terminationHook: TERMINATION_HOOK,
    terminationHookSeconds: computeTerminationHookSeconds(settings),
  };
}

/** The facts in the order of their schema. */
function sortBySchema(facts: FleetFactsInput): Record<string, unknown> {
  const values = new Map<string, unknown>(Object.entries(facts));
  const keys = Object.keys(FleetFactsSchema.entries).filter((key) => values.has(key));
  return Object.fromEntries(keys.map((key) => [key, values.get(key)]));
}
