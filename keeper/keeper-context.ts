import type { Clients } from '../aws/clients.ts';
import type { Clock } from '../aws/clock.ts';
import type { Log } from '../aws/log.ts';
import type { InstanceStore } from '../store/instance-store.ts';
import type { KeeperConfig } from './config.ts';

/** The clients, the configuration and the clock that one run of the keeper uses. */
export interface KeeperContext {
  clients: Clients;
  config: KeeperConfig;
  instances: InstanceStore;
  log: Log;
  clock: Clock;
  /** The time of AWS, in epoch milliseconds. */
  readonly nowMs: number;
  /** The largest error of `nowMs`. */
  readonly errorMs: number;
}
