export type { FromNameOptions, IWorkerFleet } from './imported-fleet.ts';
export type {
  BakedImageProps,
  EncryptionKeys,
  RetryBackoffProps,
  RootVolume,
  ScaleOutProps,
  WarmPoolProps,
  WorkerFleetProps,
} from './props/props.ts';
export { FleetPropsError } from './props/refusal.ts';
export { WorkerFleet } from './worker-fleet.ts';
