export type { RootVolume, ScaleOutProps, WorkerFleetProps } from './props.ts';
export { FleetPropsError } from './refusal.ts';
export { WorkerFleet } from './worker-fleet.ts';
