import { randomUUID } from 'node:crypto';
import {
  boolean,
  optionalBoolean,
  optionalInteger,
  optionalText,
  structures,
  text,
  texts,
} from '../../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../../front-door/service.ts';
import { describeGroup } from '../describe.ts';
import { allInstances, type Group } from '../group.ts';
import { paginate } from '../paging.ts';
import type { Parts } from '../parts.ts';
import { checkSizes, putTag, readLaunch, readNewGroup, readSettings, refuseUnknown } from '../read-group.ts';
import { addHook } from './hooks.ts';
import { tagConditions } from './tag-conditions.ts';

/** The operations that create, change, describe and delete groups. */
export function groupOperations(parts: Parts): Record<string, Operation> {
  const { groups } = parts;
  const resources = (input: Input) => [groups.arnOf(optionalText(input, 'AutoScalingGroupName'))];
  const conditions = (input: Input) => tagConditions(groups.find(String(input['AutoScalingGroupName'])));
  return {
    CreateAutoScalingGroup: { resources, run: (input) => create(parts, input) },
    UpdateAutoScalingGroup: { resources, conditions, run: (input) => update(parts, input) },
    DeleteAutoScalingGroup: { resources, conditions, run: (input) => remove(parts, input) },
    DescribeAutoScalingGroups: { run: (input) => describeGroups(parts, input) },
    SetDesiredCapacity: { resources, conditions, run: (input) => setDesiredCapacity(parts, input) },
  };
}

async function create(parts: Parts, input: Input) {
  const { context, groups, scaler } = parts;
  refuseUnknown(input);
  const name = text(input, 'AutoScalingGroupName');
  const group = await readNewGroup(context, input, groups.newArn(name, randomUUID()));
  const desired = optionalInteger(input, 'DesiredCapacity', { min: 0 }) ?? group.minSize;
  checkSizes(group, desired);
  for (const hook of structures(input, 'LifecycleHookSpecificationList')) addHook(group, hook);
  groups.add(group);
  scaler.setDesired(group, desired, 'a user request created an AutoScalingGroup');
  return {};
}

async function update(parts: Parts, input: Input) {
  const { context, groups, scaler } = parts;
  refuseUnknown(input);
  const name = text(input, 'AutoScalingGroupName');
  sizesAfter(groups.get(name), input);
  const changesLaunch = input['LaunchTemplate'] || input['MixedInstancesPolicy'];
  const launch = changesLaunch ? await readLaunch(context, input) : undefined;
  await readSettings(context, input, groups.get(name));
  // Read again: an instance may have ended during the calls to EC2 and lowered the desired capacity.
  const group = groups.get(name);
  const { minSize, maxSize, desired } = sizesAfter(group, input);
  Object.assign(group, { minSize, maxSize, launch: launch ?? group.launch });
  const constraints = `min: ${minSize}, max: ${maxSize}, desired: ${desired}`;
  scaler.setDesired(
    group,
    desired,
    `a user request update of AutoScalingGroup constraints to ${constraints}`,
  );
  return {};
}

/** If no desired capacity is given, the present one is moved into the new limits. */
function sizesAfter(group: Group, input: Input) {
  const minSize = optionalInteger(input, 'MinSize', { min: 0 }) ?? group.minSize;
  const maxSize = optionalInteger(input, 'MaxSize', { min: 0 }) ?? group.maxSize;
  const moved = Math.min(maxSize, Math.max(minSize, group.desiredCapacity));
  const desired = optionalInteger(input, 'DesiredCapacity', { min: 0 }) ?? moved;
  checkSizes({ minSize, maxSize }, desired);
  return { minSize, maxSize, desired };
}

function remove({ groups, activities, scaler }: Parts, input: Input) {
  const group = groups.get(text(input, 'AutoScalingGroupName'));
  if (optionalBoolean(input, 'ForceDelete')) {
    scaler.empty(group);
    return {};
  }
  const requested = group.requested.size + (group.warmPool?.requested.size ?? 0);
  if (allInstances(group).length > 0 || requested > 0) {
    throw new AwsError(
      'ResourceInUse',
      'You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.',
    );
  }
  if (activities.underWay(group)) {
    throw new AwsError(
      'ScalingActivityInProgress',
      'You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.',
    );
  }
  scaler.empty(group);
  return {};
}

function describeGroups({ groups }: Parts, input: Input) {
  const names = texts(input, 'AutoScalingGroupNames');
  const filters = structures(input, 'Filters').map((one) => ({
    name: text(one, 'Name'),
    values: texts(one, 'Values'),
  }));
  const wanted = groups
    .all()
    .filter((group) => names.length === 0 || names.includes(group.name))
    .filter((group) => filters.every((filter) => matches(group, filter)));
  const { items, NextToken } = paginate(wanted, input);
  return { AutoScalingGroups: items.map(describeGroup), NextToken };
}

function matches(group: Group, { name, values }: { name: string; values: string[] }): boolean {
  const tags = [...group.tags];
  if (name === 'tag-key') return tags.some(([key]) => values.includes(key));
  if (name === 'tag-value') return tags.some(([, { value }]) => values.includes(value));
  if (name.startsWith('tag:')) return values.includes(group.tags.get(name.slice(4))?.value ?? '');
  throw new AwsError('ValidationError', `The filter name ${name} is not valid.`);
}

function setDesiredCapacity({ context, groups, activities, scaler }: Parts, input: Input) {
  const group = groups.get(text(input, 'AutoScalingGroupName'));
  const desired = optionalInteger(input, 'DesiredCapacity') ?? group.desiredCapacity;
  const refuse = (side: string, bound: number) =>
    new AwsError(
      'ValidationError',
      `New SetDesiredCapacity value ${desired} is ${side} value ${bound} for the AutoScalingGroup.`,
    );
  if (desired > group.maxSize) throw refuse('above max', group.maxSize);
  if (desired < group.minSize) throw refuse('below min', group.minSize);
  if (optionalBoolean(input, 'HonorCooldown') && group.coolUntil > context.clock.now()) {
    const activity = activities.underWay(group) ?? activities.of(group.name)[0];
    throw new AwsError(
      'ScalingActivityInProgress',
      `Scaling activity ${activity?.id} is in progress and blocks this action`,
    );
  }
  scaler.setDesired(group, desired, 'a user request explicitly set group desired capacity');
  return {};
}

/** The operations on tags, which CloudFormation and others use. */
export function groupTagOperations({ groups }: Parts): Record<string, Operation> {
  const tagged = (input: Input) =>
    structures(input, 'Tags').map((tag) => ({ tag, group: groups.get(text(tag, 'ResourceId')) }));
  const resources = (input: Input) =>
    structures(input, 'Tags').map((tag) => groups.arnOf(optionalText(tag, 'ResourceId')));
  return {
    CreateOrUpdateTags: {
      resources,
      run: (input) => {
        for (const { tag, group } of tagged(input)) {
          boolean({ PropagateAtLaunch: false, ...tag }, 'PropagateAtLaunch');
          putTag(group, tag);
        }
        return {};
      },
    },
    DeleteTags: {
      resources,
      run: (input) => {
        for (const { tag, group } of tagged(input)) group.tags.delete(text(tag, 'Key'));
        return {};
      },
    },
    DescribeTags: {
      run: (input) => {
        const filters = structures(input, 'Filters').map((one) => ({
          name: text(one, 'Name'),
          values: texts(one, 'Values'),
        }));
        const shown = groups.all().flatMap((group) => describeGroup(group).Tags);
        const wanted = shown.filter((tag) =>
          filters.every(({ name, values }) => values.includes(tagFilterValue(tag, name))),
        );
        const { items, NextToken } = paginate(wanted, input);
        return { Tags: items, NextToken };
      },
    },
  };
}

function tagFilterValue(tag: ReturnType<typeof describeGroup>['Tags'][number], name: string): string {
  switch (name) {
    case 'auto-scaling-group':
      return tag.ResourceId;
    case 'key':
      return tag.Key;
    case 'value':
      return tag.Value;
    case 'propagate-at-launch':
      return String(tag.PropagateAtLaunch);
    default:
      throw new AwsError('ValidationError', `The filter name ${name} is not valid.`);
  }
}
