import type { Clients } from '../aws/clients.ts';
import type { Log } from '../aws/log.ts';
import type { InstanceStore } from '../store/instances.ts';
import type { KeeperConfig } from './config.ts';

/** What the keeper acts with, at one look. */
export interface Hands {
  clients: Clients;
  config: KeeperConfig;
  instances: InstanceStore;
  log: Log;
  /** AWS's time. */
  readonly nowMs: number;
  /** How far that may be off. */
  readonly errorMs: number;
}
