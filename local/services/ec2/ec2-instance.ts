import type { Instance } from '../../instances/launcher.ts';
import type { MetadataView } from '../../instances/metadata.ts';
import type { LaunchParameters } from './launch-parameters.ts';

/** EC2's instance states, by their codes ("Amazon EC2 instance state changes"). */
export const STATE_CODES = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const;

export type Ec2InstanceState = keyof typeof STATE_CODES;

/** One EC2 instance, from its launch until long after its termination. */
export interface Ec2Instance {
  readonly id: string;
  readonly launch: LaunchParameters;
  readonly availabilityZone: string;
  readonly privateIp: string;
  /** The time of its latest start. */
  launchedAt: Date;
  readonly roleArn: string | undefined;
  readonly instanceProfileArn: string | undefined;
  readonly tags: Map<string, string>;
  /** The directory of its log and disk, which stays after its termination. */
  readonly directory: string;
  state: Ec2InstanceState;
  stateReason: { code: string; message: string } | undefined;
  terminatedAt: Date | undefined;
  terminationProtection: boolean;
  notices: Notices;
  /** Present once the launcher has started it. */
  launchedInstance: Instance | undefined;
}

/** The notices of AWS in the instance's metadata. */
export interface Notices {
  targetLifecycleState: string | undefined;
  spotAction: ReturnType<MetadataView['spotAction']>;
  rebalance: Date | undefined;
}

/** Reads the state again at each call, as it changes during waits. */
export function isInState(instance: Ec2Instance, ...states: Ec2InstanceState[]): boolean {
  return states.includes(instance.state);
}

export function hasEnded(instance: Ec2Instance): boolean {
  return isInState(instance, 'terminated', 'stopped');
}

/** Each instance has a reservation of its own. */
export function reservationId({ id }: Ec2Instance): string {
  return `r-${id.slice('i-'.length)}`;
}
