export type { FromNameOptions, IWorkerFleet } from './imported-fleet.ts';
export { FleetPropsError } from './props/errors.ts';
export type {
  BakedImageProps,
  FleetInstanceProps,
  RootVolume,
} from './props/instances.ts';
export type { FleetJobProps } from './props/jobs.ts';
export type { FleetLifecycleProps } from './props/lifecycle.ts';
export type { FleetNetworkProps } from './props/network.ts';
export type { WorkerFleetProps } from './props/props.ts';
export type { RetryBackoffProps } from './props/retry-backoff.ts';
export type { ScaleOutProps } from './props/scale-out.ts';
export { WorkerSecret, type WorkerSecretOptions } from './props/secrets.ts';
export type { EncryptionKeys, FleetStoreProps } from './props/stores.ts';
export type { WarmPoolProps } from './props/warm-pool.ts';
export type { FleetWorkerProps } from './props/worker.ts';
export { WorkerFleet } from './worker-fleet.ts';
