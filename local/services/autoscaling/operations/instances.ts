import { boolean, optionalBoolean, optionalText, text, texts } from '../../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../../front-door/service.ts';
import { describeActivity } from '../activities.ts';
import { describeInstance } from '../describe.ts';
import {
  allInstances,
  type Group,
  type GroupInstance,
  isLaunching,
  isPooled,
  isTerminating,
} from '../group.ts';
import { paginate } from '../paging.ts';
import type { Parts } from '../parts.ts';
import { tagConditions } from './tag-conditions.ts';

/** The operations on single instances of a group. */
export function groupInstanceOperations(parts: Parts): Record<string, Operation> {
  const { groups, activities } = parts;
  const groupOf = (input: Input) => groups.findInstance(String(input['InstanceId']))?.group;
  const ofInstance = {
    resources: (input: Input) => [groupOf(input)?.arn ?? groups.arnOf(undefined)],
    conditions: (input: Input) => tagConditions(groupOf(input)),
  };
  const ofGroup = {
    resources: (input: Input) => [groups.arnOf(optionalText(input, 'AutoScalingGroupName'))],
    conditions: (input: Input) => tagConditions(groups.find(String(input['AutoScalingGroupName']))),
  };
  return {
    TerminateInstanceInAutoScalingGroup: { ...ofInstance, run: (input) => terminate(parts, input) },
    SetInstanceHealth: { ...ofInstance, run: (input) => setHealth(parts, input) },
    SetInstanceProtection: { ...ofGroup, run: (input) => setProtection(parts, input) },
    DescribeAutoScalingInstances: { run: (input) => describeInstances(parts, input) },
    DescribeScalingActivities: {
      run: (input) => {
        const name = optionalText(input, 'AutoScalingGroupName');
        const ids = texts(input, 'ActivityIds');
        const gone = optionalBoolean(input, 'IncludeDeletedGroups') ?? false;
        const shown = activities
          .of(name)
          .filter((one) => ids.length === 0 || ids.includes(one.id))
          .filter((one) => gone || groups.find(one.groupName)?.arn === one.groupArn);
        const { items, NextToken } = paginate(shown, input);
        return { Activities: items.map(describeActivity), NextToken };
      },
    },
  };
}

function terminate({ groups, activities, scaler }: Parts, input: Input) {
  const decrement = boolean(input, 'ShouldDecrementDesiredCapacity');
  const { group, instance } = groups.getInstance(text(input, 'InstanceId'));
  if (isPooled(instance)) {
    throw new AwsError(
      'ValidationError',
      `The instance ${instance.id} is in the warm pool of Auto Scaling group ${group.name}: it cannot be terminated so.`,
    );
  }
  // An instance has one activity at a time: a launch in progress, or a termination in progress.
  if (isLaunching(instance) || isTerminating(instance)) {
    throw new AwsError('ScalingActivityInProgress', `Activity ${instance.activity.id} is in progress.`);
  }
  if (decrement) refuseBelowMinimum(group);
  const before = group.desiredCapacity;
  if (decrement) group.desiredCapacity -= 1;
  const shrinking = decrement ? `, shrinking the capacity from ${before} to ${before - 1}` : '';
  const what = `instance ${instance.id} was taken out of service in response to a user request${shrinking}`;
  const activity = scaler.terminate(group, instance, activities.formatCause(what));
  const answer = { Activity: describeActivity(activity) };
  scaler.reconcile(group);
  return answer;
}

/** Compares the desired capacity with the minimum, whatever the number of running instances. */
function refuseBelowMinimum({ desiredCapacity, minSize }: Group): void {
  if (desiredCapacity > minSize) return;
  throw new AwsError(
    'ValidationError',
    `Currently, desiredSize equals minSize (${minSize}). Terminating instance without replacement will violate ` +
      "group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
  );
}

function setHealth({ context, groups, scaler }: Parts, input: Input) {
  const { group, instance } = groups.getInstance(text(input, 'InstanceId'));
  const status = text(input, 'HealthStatus');
  if (status !== 'Healthy' && status !== 'Unhealthy') {
    throw new AwsError('ValidationError', `HealthStatus ${status} is not Healthy or Unhealthy.`);
  }
  if (isTerminating(instance) && status === 'Healthy') {
    throw new AwsError('ValidationError', `Instance ${instance.id} is already terminating.`);
  }
  if (status === 'Healthy') instance.health = 'Healthy';
  else if (
    (optionalBoolean(input, 'ShouldRespectGracePeriod') ?? true) &&
    inGrace(context, group, instance)
  ) {
    return {};
  } else scaler.markUnhealthy(group, instance, 'a user health-check');
  return {};
}

/** The health check grace period begins when the instance is in service. */
function inGrace({ clock }: CloudContext, group: Group, { inServiceAt }: GroupInstance): boolean {
  if (inServiceAt === undefined) return group.healthCheckGracePeriod > 0;
  return (clock.now() - inServiceAt) * clock.speed < group.healthCheckGracePeriod * 1000;
}

function setProtection({ groups }: Parts, input: Input) {
  const group = groups.get(text(input, 'AutoScalingGroupName'));
  const protect = boolean(input, 'ProtectedFromScaleIn');
  const found = texts(input, 'InstanceIds').map((id) => memberOf(group, id));
  for (const instance of found) instance.protected = protect;
  return {};
}

function memberOf(group: Group, id: string): GroupInstance {
  const instance = group.instances.get(id);
  if (!instance) {
    throw new AwsError(
      'ValidationError',
      `The instance ${id} is not part of Auto Scaling group ${group.name}.`,
    );
  }
  if (instance.state !== 'InService') {
    throw new AwsError(
      'ValidationError',
      `The instance ${id} is not in InService or EnteringStandby or Standby.`,
    );
  }
  return instance;
}

function describeInstances({ groups }: Parts, input: Input) {
  const ids = texts(input, 'InstanceIds');
  const all = groups.all().flatMap((group) =>
    allInstances(group).map((instance) => ({
      AutoScalingGroupName: group.name,
      ...describeInstance(group, instance),
      // Only this answer has it in capitals; the description of a group does not.
      HealthStatus: instance.health.toUpperCase(),
    })),
  );
  const wanted = all.filter(({ InstanceId }) => ids.length === 0 || ids.includes(InstanceId));
  const { items, NextToken } = paginate(wanted, input, 50);
  return { AutoScalingInstances: items, NextToken };
}
