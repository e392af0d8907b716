import {
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalStructure,
  optionalText,
  text,
} from '../../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../../front-door/service.ts';
import { describeInstance, describeWarmPool } from '../describe.ts';
import type { Group, WarmPool } from '../group.ts';
import { paginate } from '../paging.ts';
import type { Parts } from '../parts.ts';
import { tagConditions } from './tag-conditions.ts';

/** The operations on warm pools: instances that have booted and wait, stopped or running. */
export function warmPoolOperations(parts: Parts): Record<string, Operation> {
  const { groups, scaler } = parts;
  const one = (input: Input) => groups.get(text(input, 'AutoScalingGroupName'));
  const scope = {
    resources: (input: Input) => [groups.arnOf(optionalText(input, 'AutoScalingGroupName'))],
    conditions: (input: Input) => tagConditions(groups.find(String(input['AutoScalingGroupName']))),
  };
  return {
    PutWarmPool: { ...scope, run: (input) => putWarmPool(parts, one(input), input) },
    DeleteWarmPool: {
      ...scope,
      run: (input) => {
        const group = one(input);
        if (!group.warmPool) throw invalid(`No warm pool found for the Auto Scaling group ${group.name}.`);
        scaler.emptyWarmPool(group, group.warmPool, optionalBoolean(input, 'ForceDelete') ?? false);
        return {};
      },
    },
    DescribeWarmPool: {
      run: (input) => {
        const group = one(input);
        const instances = [...(group.warmPool?.instances.values() ?? [])];
        const { items, NextToken } = paginate(instances, input);
        return {
          WarmPoolConfiguration: describeWarmPool(group),
          Instances: items.map((instance) => describeInstance(group, instance)),
          NextToken,
        };
      },
    },
  };
}

/** Settings that are not given stay; a new pool has AWS's defaults. */
function putWarmPool({ scaler }: Parts, group: Group, input: Input) {
  const before = group.warmPool;
  if (before?.deleting) throw new AwsError('ScalingActivityInProgress', 'The warm pool is pending delete.');
  const maxPrepared = optionalInteger(input, 'MaxGroupPreparedCapacity', { min: -1 });
  const settings: Pick<WarmPool, 'minSize' | 'maxPrepared' | 'state'> = {
    minSize: optionalInteger(input, 'MinSize', { min: 0 }) ?? before?.minSize ?? 0,
    // "To remove a value that you previously set, include the property but specify -1 for the value."
    maxPrepared: maxPrepared === -1 ? undefined : (maxPrepared ?? before?.maxPrepared),
    state: readState(input) ?? before?.state ?? 'Stopped',
  };
  refuseWhatIsMissing(group, input);
  if (before) Object.assign(before, settings);
  else group.warmPool = { ...settings, instances: new Map(), requested: new Set(), deleting: false };
  scaler.reconcile(group);
  return {};
}

function readState(input: Input): WarmPool['state'] | undefined {
  const state = optionalChoice(input, 'PoolState', ['Stopped', 'Running', 'Hibernated'] as const);
  if (state === 'Hibernated') throw invalid('The PoolState Hibernated is not implemented here.');
  return state;
}

function refuseWhatIsMissing({ launch: { mixed } }: Group, input: Input): void {
  const reuse = optionalStructure(input, 'InstanceReusePolicy') ?? {};
  if (optionalBoolean(reuse, 'ReuseOnScaleIn')) {
    throw invalid('InstanceReusePolicy.ReuseOnScaleIn is not implemented here.');
  }
  if (mixed && mixed.onDemandPercentage < 100) {
    throw invalid('A group that launches Spot Instances cannot have a warm pool here.');
  }
}

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);
