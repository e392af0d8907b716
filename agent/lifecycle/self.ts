import type { Clients } from '../../aws/clients.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Identity } from '../../aws/identity.ts';
import type { Log } from '../../aws/log.ts';
import type { InstanceStore } from '../../store/instances.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import type { Refusals } from '../supervision/refusals.ts';
import type { Supervisor } from '../supervision/watchdog.ts';
import type { Work } from '../work/work.ts';

/** An instance, as the side of the agent that ends it knows it. */
export interface Self {
  readonly config: AgentConfig;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly work: Work;
  /** What AWS refuses this agent now. */
  readonly refusals: Refusals;
  /** How workers come to credentials; undefined: they get none. */
  readonly access?: Pick<WorkerAccess, 'verify'> | undefined;
  /** Where the retirement record and the time of the first readiness are kept. */
  readonly stateDirectory: string;
  /** The Auto Scaling group; undefined outside one. */
  readonly groupName: string | undefined;
  /** Undefined without a table: records are then on the instance alone. */
  readonly instances: InstanceStore | undefined;
  /** The latest lines of the agent's log; undefined: they are not kept. */
  readonly recentLog?: (() => string) | undefined;
  /** Hears of each try and of what the instance is at. */
  readonly supervisor: Supervisor;
  /** In [0, 1): jitter. */
  readonly random: () => number;
}
