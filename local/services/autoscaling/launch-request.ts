import { optionalStructure, optionalText, structures, text } from '../../front-door/read.ts';
import type { Input } from '../../front-door/service.ts';
import type { Group, GroupInstance, LaunchRequest, ScalingActivity, WarmPool } from './group.ts';

/** The input of RunInstances: one instance of the group's template, in this zone, with the propagated tags. */
export function runInstancesInput(group: Group, { zone, spot }: LaunchRequest): Input {
  const { template, mixed } = group.launch;
  const tags = [...group.tags].flatMap(([Key, { value, propagate }]) =>
    propagate ? [{ Key, Value: value }] : [],
  );
  tags.push({ Key: 'aws:autoscaling:groupName', Value: group.name });
  const subnet = group.subnets.find((one) => one.zone === zone);
  return {
    MinCount: 1,
    MaxCount: 1,
    LaunchTemplate: { LaunchTemplateId: template.id, Version: template.version },
    InstanceType: mixed?.instanceTypes[0],
    InstanceMarketOptions: spot ? { MarketType: 'spot' } : undefined,
    SubnetId: subnet?.id,
    Placement: subnet ? undefined : { AvailabilityZone: zone },
    TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
  };
}

export interface Launch {
  activity: ScalingActivity;
  zone: string;
  /** Launched to rebalance the zones: another instance is terminated for it. */
  balancing?: true;
  /** The warm pool of the instance; absent if it goes into service. */
  pool?: WarmPool;
}

/** Creates the group's instance from the output of RunInstances. */
export function instanceFrom(answer: Input, launch: Launch, group: Group, now: number): GroupInstance {
  const [made = {}] = structures(answer, 'Instances');
  const version = structures(made, 'Tags').find(({ Key }) => Key === 'aws:ec2launchtemplate:version');
  const placement = optionalStructure(made, 'Placement') ?? {};
  return {
    id: text(made, 'InstanceId'),
    type: text(made, 'InstanceType'),
    zone: optionalText(placement, 'AvailabilityZone') ?? launch.zone,
    spot: optionalText(made, 'InstanceLifecycle') === 'spot',
    launchedAt: now,
    templateVersion: optionalText(version ?? {}, 'Value') ?? '1',
    balancing: launch.balancing ?? false,
    state: launch.pool ? 'Warmed:Pending' : 'Pending',
    health: 'Healthy',
    failedCheck: undefined,
    protected: group.newInstancesProtected,
    inServiceAt: undefined,
    activity: launch.activity,
    waits: new Map(),
    done: undefined,
  };
}
