import type { FleetInstanceProps } from './instances.ts';
import type { FleetJobProps } from './jobs.ts';
import type { FleetLifecycleProps } from './lifecycle.ts';
import type { FleetNetworkProps } from './network.ts';
import type { FleetStoreProps } from './stores.ts';
import type { FleetWorkerProps } from './worker.ts';

/** The props of a fleet. Each has a default: a fleet without props prints the jobs that it receives. */
export interface WorkerFleetProps
  extends FleetWorkerProps,
    FleetJobProps,
    FleetInstanceProps,
    FleetNetworkProps,
    FleetLifecycleProps,
    FleetStoreProps {
  /**
   * Name of the fleet. It is in records, in metrics and in the name of the fleet's SSM parameter. Up to 64 letters,
   * digits, `.`, `_` and `-`; the first is a letter or digit.
   *
   * @default - the construct's id
   */
  readonly fleetName?: string;
}
