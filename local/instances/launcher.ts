import type { Socket } from 'node:net';

/** Starts instances: as a process group on this machine, or as a machine that boots. */
export interface Launcher {
  /** What its instances are; undefined for a launcher of a test. */
  readonly kind?: 'processes' | 'machines';
  launch(spec: InstanceSpec): Promise<Instance>;
  /** Why instances cannot do what this user-data says; undefined if they can. */
  problemWith?(userData: string): string | undefined;
  /** The part of this user-data that instances ignore, as a sentence; undefined if they do all of it. */
  ignoredPart?(userData: string): string | undefined;
  /** The private address of the n-th instance (from 0), if the launcher decides it. */
  addressOf?(number: number): string;
  /** Removes the disk of a stopped instance that will not be started again. */
  discard?(directory: string): Promise<void>;
  /** Called when the cloud closes, after its last instance has ended. */
  close?(): Promise<void>;
}

export interface InstanceSpec {
  instanceId: string;
  instanceType: string;
  availabilityZone: string;
  privateIp: string;
  /** Decoded user-data, as the instance reads it from its metadata. */
  userData: string;
  /** The endpoint of the instance's own metadata service. */
  metadataEndpoint: string;
  /** The endpoint of the cloud's front door. */
  awsEndpoint: string;
  /** Takes a connection to AWS from the instance's own network. Its calls do not count as the owner's. */
  connectToAws(socket: Socket): void;
  region: string;
  /** The instance's own directory, with its log, state and unpacked tree. It stays after the instance has ended. */
  directory: string;
  /** True if the instance was stopped and starts again with its disk. */
  restarted: boolean;
}

export interface Instance {
  /** Resolves when nothing of the instance runs any more: it has powered itself off, or was terminated or destroyed. */
  readonly gone: Promise<{ reason: string }>;
  /** EC2's terminate: an orderly shutdown (SIGTERM), and SIGKILL if it takes too long. */
  terminate(): Promise<void>;
  /** EC2's stop: the same, and the disk is kept for the next start. Default: `terminate` keeps it too. */
  stop?(): Promise<void>;
  /** Kills everything with SIGKILL, when the cloud closes or a test simulates a failed host. */
  destroy(): Promise<void>;
}
