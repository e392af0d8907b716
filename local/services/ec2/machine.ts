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

/** One EC2 instance, from its launch until long after its end. */
export interface Machine {
  readonly id: string;
  readonly launch: LaunchParameters;
  readonly availabilityZone: string;
  readonly privateIp: string;
  /** Its latest start. */
  launchedAt: Date;
  readonly roleArn: string | undefined;
  readonly instanceProfileArn: string | undefined;
  readonly tags: Map<string, string>;
  /** Where it keeps its log and its disk, also after it has gone. */
  readonly directory: string;
  state: MachineState;
  stateReason: { code: string; message: string } | undefined;
  terminatedAt: Date | undefined;
  terminationProtection: boolean;
  notices: Notices;
  /** Once it has power. */
  power: Instance | undefined;
}

/** What AWS tells the instance through its metadata. */
export interface Notices {
  targetLifecycleState: string | undefined;
  spotAction: ReturnType<MetadataView['spotAction']>;
  rebalance: Date | undefined;
}

/** Asks anew: states change while something else is waited for. */
export function is(machine: Machine, ...states: MachineState[]): boolean {
  return states.includes(machine.state);
}

export function isOver(machine: Machine): boolean {
  return is(machine, 'terminated', 'stopped');
}

/** Each instance was asked for by itself. */
export function reservationIdOf({ id }: Machine): string {
  return `r-${id.slice('i-'.length)}`;
}
