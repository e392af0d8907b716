import type { Socket } from 'node:net';

/** How the cloud turns a launch into something that runs: a process group on this machine, or a machine that boots. */
export interface Launcher {
  /** What its instances are; undefined: something of a test's. */
  readonly kind?: 'processes' | 'machines';
  launch(spec: InstanceSpec): Promise<Instance>;
  /** Why instances could not do what this user-data says; undefined if they can. */
  problemWith?(userData: string): string | undefined;
  /** What instances leave out of this user-data, in a sentence; undefined if they do all of it. */
  leavesOut?(userData: string): string | undefined;
  /** The private address of the n-th instance (from 0), where it is the launcher's to say. */
  addressOf?(number: number): string;
  /** Removes what was kept of an instance that is stopped, and will not be started again. */
  discard?(directory: string): Promise<void>;
  /** Called when the cloud ends, after its last instance. */
  close?(): Promise<void>;
}

export interface InstanceSpec {
  instanceId: string;
  instanceType: string;
  availabilityZone: string;
  privateIp: string;
  /** Decoded user-data, exactly as the instance would read it from its metadata. */
  userData: string;
  /** Where this instance's own metadata service listens. */
  metadataEndpoint: string;
  /** Where the cloud's front door listens. */
  awsEndpoint: string;
  /**
   * Takes a connection to AWS that comes from the instance's own network: whoever calls through it is not the owner.
   */
  connectToAws(visitor: Socket): void;
  region: string;
  /** A directory of the instance's own: its log, state and unpacked tree. Kept after the instance is gone. */
  directory: string;
  /** It was stopped, and is started again with the disk that it had. */
  again: boolean;
}

export interface Instance {
  /** Resolves once nothing of the instance runs any more: by power-off from inside, or `destroy`. */
  readonly gone: Promise<{ reason: string }>;
  /** What EC2's terminate does to a machine: an orderly shutdown (SIGTERM), then the plug is pulled. */
  terminate(): Promise<void>;
  /** What EC2's stop does: the same, and the disk is kept for the next start. Default: `terminate` keeps it too. */
  stop?(): Promise<void>;
  /** Pulls the plug: SIGKILL to everything. For tests of sudden death and the end of the cloud itself. */
  destroy(): Promise<void>;
}
