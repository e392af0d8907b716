import { randomUUID } from 'node:crypto';
import {
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalNumber,
  optionalText,
  structures,
  text,
  texts,
} from '../../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../../front-door/service.ts';
import { findStepsProblem } from '../capacity.ts';
import { describeScalingPolicy } from '../describe.ts';
import { ADJUSTMENT_TYPES, type Group, type ScalingPolicy } from '../group.ts';
import { paginate } from '../paging.ts';
import type { Parts } from '../parts.ts';
import { executePolicy, findScalingPolicy } from '../policies.ts';
import { tagConditions } from './tag-conditions.ts';

/** The operations on scaling policies, step and simple ones. */
export function scalingPolicyOperations(parts: Parts): Record<string, Operation> {
  const { groups } = parts;
  const groupOf = (input: Input) => {
    const name = optionalText(input, 'AutoScalingGroupName');
    return name === undefined ? findScalingPolicy(groups, text(input, 'PolicyName')).group : groups.get(name);
  };
  const scope = {
    resources: (input: Input) => {
      const name = optionalText(input, 'AutoScalingGroupName') ?? groupInArn(input);
      return [groups.arnOf(name)];
    },
    conditions: (input: Input) => {
      const name = optionalText(input, 'AutoScalingGroupName') ?? groupInArn(input);
      return tagConditions(groups.find(String(name)));
    },
  };
  return {
    PutScalingPolicy: {
      ...scope,
      run: (input) => {
        const group = groupOf(input);
        const policy = readPolicy(group, input);
        group.policies.set(policy.name, policy);
        return { PolicyARN: policy.arn, Alarms: [] };
      },
    },
    DeletePolicy: {
      ...scope,
      run: (input) => {
        const { group, policy } = findScalingPolicy(groups, text(input, 'PolicyName'), groupOf(input));
        group.policies.delete(policy.name);
        return {};
      },
    },
    DescribePolicies: { run: (input) => describePolicies(parts, input) },
    ExecutePolicy: {
      ...scope,
      run: (input) => {
        executePolicy(parts, findScalingPolicy(groups, text(input, 'PolicyName'), groupOf(input)), {
          what: 'a user request executed policy',
          metricValue: optionalNumber(input, 'MetricValue'),
          breachThreshold: optionalNumber(input, 'BreachThreshold'),
          honorCooldown: optionalBoolean(input, 'HonorCooldown') ?? false,
        });
        return {};
      },
    },
  };
}

function groupInArn(input: Input): string | undefined {
  return /:autoScalingGroupName\/([^:]+):/.exec(String(input['PolicyName']))?.[1];
}

function readPolicy(group: Group, input: Input): ScalingPolicy {
  const name = text(input, 'PolicyName');
  const type = optionalText(input, 'PolicyType') ?? 'SimpleScaling';
  if (type !== 'StepScaling' && type !== 'SimpleScaling') {
    throw new AwsError('ValidationError', `PolicyType ${type} is not implemented here.`);
  }
  const adjustmentType = optionalChoice(input, 'AdjustmentType', ADJUSTMENT_TYPES);
  if (!adjustmentType) throw new AwsError('ValidationError', 'AdjustmentType is required.');
  const id = randomUUID();
  const [, , , region, account] = group.arn.split(':');
  const path = `autoScalingGroupName/${group.name}:policyName/${name}`;
  const policy: ScalingPolicy = {
    name,
    arn:
      group.policies.get(name)?.arn ?? `arn:aws:autoscaling:${region}:${account}:scalingPolicy:${id}:${path}`,
    type,
    adjustmentType,
    minAdjustmentMagnitude: optionalInteger(input, 'MinAdjustmentMagnitude', { min: 1 }),
    enabled: optionalBoolean(input, 'Enabled') ?? true,
    steps: structures(input, 'StepAdjustments').map((step) => ({
      lower: optionalNumber(step, 'MetricIntervalLowerBound'),
      upper: optionalNumber(step, 'MetricIntervalUpperBound'),
      adjustment: optionalInteger(step, 'ScalingAdjustment') ?? 0,
    })),
    metricAggregationType: optionalText(input, 'MetricAggregationType') ?? 'Average',
    estimatedWarmup: optionalInteger(input, 'EstimatedInstanceWarmup', { min: 0 }),
    scalingAdjustment: optionalInteger(input, 'ScalingAdjustment'),
    cooldown: optionalInteger(input, 'Cooldown', { min: 0 }),
  };
  const problem = type === 'StepScaling' ? stepProblem(policy) : simpleProblem(policy);
  if (problem) throw new AwsError('ValidationError', problem);
  return policy;
}

function stepProblem(policy: ScalingPolicy): string | undefined {
  if (policy.scalingAdjustment !== undefined)
    return 'ScalingAdjustment is not valid for StepScaling policies';
  if (policy.cooldown !== undefined) return 'Cooldown is not valid for StepScaling policies';
  return findStepsProblem(policy.steps);
}

function simpleProblem(policy: ScalingPolicy): string | undefined {
  if (policy.steps.length > 0) return 'StepAdjustments are not valid for SimpleScaling policies';
  if (policy.estimatedWarmup !== undefined) {
    return 'EstimatedInstanceWarmup is not valid for SimpleScaling policies';
  }
  return policy.scalingAdjustment === undefined ? 'ScalingAdjustment is required' : undefined;
}

async function describePolicies({ groups, context }: Parts, input: Input) {
  const group = optionalText(input, 'AutoScalingGroupName');
  const names = texts(input, 'PolicyNames');
  const types = texts(input, 'PolicyTypes');
  const shown = (group === undefined ? groups.all() : [groups.get(group)]).flatMap((one) =>
    [...one.policies.values()]
      .filter(({ name, arn }) => names.length === 0 || names.includes(name) || names.includes(arn))
      .filter(({ type }) => types.length === 0 || types.includes(type))
      .map((policy) => ({ group: one, policy })),
  );
  const alarms = shown.length > 0 ? await everyAlarm(context) : [];
  const { items, NextToken } = paginate(shown, input);
  const described = items.map(({ group: its, policy }) =>
    describeScalingPolicy(its, policy, alarmsOf(policy, alarms)),
  );
  return { ScalingPolicies: described, NextToken };
}

async function everyAlarm({ call }: CloudContext): Promise<Input[]> {
  const alarms: Input[] = [];
  let NextToken: unknown;
  do {
    const answer = await call('monitoring', 'DescribeAlarms', { NextToken });
    alarms.push(...structures(answer, 'MetricAlarms'));
    NextToken = answer['NextToken'];
  } while (NextToken !== undefined);
  return alarms;
}

function alarmsOf({ arn }: ScalingPolicy, alarms: Input[]): Input[] {
  const actions = ['AlarmActions', 'OKActions', 'InsufficientDataActions'];
  return alarms
    .filter((alarm) => actions.some((name) => texts(alarm, name).includes(arn)))
    .map(({ AlarmName, AlarmArn: AlarmARN }) => ({ AlarmName, AlarmARN }));
}
