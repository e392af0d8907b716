/**
 * How the cloud turns a launch into something that runs. Here: a process group on this machine. A launcher that
 * boots real machines takes the same seat.
 */
export interface Launcher {
  launch(spec: InstanceSpec): Promise<Instance>;
}

export interface InstanceSpec {
  instanceId: string;
  instanceType: string;
  availabilityZone: string;
  /** Decoded user-data, exactly as the instance would read it from its metadata. */
  userData: string;
  /** Where this instance's own metadata service listens. */
  metadataEndpoint: string;
  /** Where the cloud's front door listens. */
  awsEndpoint: string;
  region: string;
  /** A directory of the instance's own: its log, state and unpacked tree. Kept after the instance is gone. */
  directory: string;
}

export interface Instance {
  /** Resolves once nothing of the instance runs any more: by power-off from inside, or `destroy`. */
  readonly gone: Promise<{ reason: string }>;
  /** What EC2's terminate does to a machine: an orderly shutdown (SIGTERM), then the plug is pulled. */
  terminate(): Promise<void>;
  /** Pulls the plug: SIGKILL to everything. For tests of sudden death and the end of the cloud itself. */
  destroy(): Promise<void>;
}
