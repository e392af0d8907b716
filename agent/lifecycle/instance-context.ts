import type { Clients } from '../../aws/clients.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Identity } from '../../aws/identity.ts';
import type { Log } from '../../aws/log.ts';
import type { InstanceStore } from '../../store/instance-store.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import type { RefusalTracker } from '../supervision/refusals.ts';
import type { Supervisor } from '../supervision/watchdog.ts';
import type { JobLoop } from '../work/types.ts';

/** An instance and what its lifecycle needs to manage it. */
export interface InstanceContext {
  readonly config: AgentConfig;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: Identity;
  readonly work: JobLoop;
  /** The calls that AWS refuses this agent now. */
  readonly refusals: RefusalTracker;
  /** Gives workers credentials. Undefined: they get none. */
  readonly access?: Pick<WorkerAccess, 'verify'> | undefined;
  /** Has the file of a retirement and the time at which the instance was first ready. */
  readonly stateDirectory: string;
  /** The Auto Scaling group. Undefined: the instance is in none. */
  readonly groupName: string | undefined;
  /** Undefined without a table: records are then on the instance only. */
  readonly instances: InstanceStore | undefined;
  /** Returns the latest lines of the agent's log. Undefined: they are not kept. */
  readonly recentLog?: (() => string) | undefined;
  /** Is told of each try and of the instance's status. */
  readonly supervisor: Supervisor;
  /** Returns a number in [0, 1), for jitter. */
  readonly random: () => number;
}
