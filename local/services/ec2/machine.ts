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

export type MachineState = keyof typeof STATE_CODES;

/** One EC2 instance, from its launch until long after its termination. */
export interface Machine {
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
  state: MachineState;
  stateReason: { code: string; message: string } | undefined;
  terminatedAt: Date | undefined;
  terminationProtection: boolean;
  notices: Notices;
  /** Present once the launcher has started it. */
  power: Instance | undefined;
}

/** The notices of AWS in the instance's metadata. */
export interface Notices {
  targetLifecycleState: string | undefined;
  spotAction: ReturnType<MetadataView['spotAction']>;
  rebalance: Date | undefined;
}

/** Reads the state again at each call, as it changes during waits. */
export function is(instance: Machine, ...states: MachineState[]): boolean {
  return states.includes(instance.state);
}

export function isOver(instance: Machine): boolean {
  return is(instance, 'terminated', 'stopped');
}

/** Each instance has a reservation of its own. */
export function reservationIdOf({ id }: Machine): string {
  return `r-${id.slice('i-'.length)}`;
}
