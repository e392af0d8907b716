import { instanceStore } from '../../store/instances.ts';
import type { Retirement } from '../../jobs/record.ts';
import type { Broken } from '../../policy/retirement.ts';
import { NOBODY, type Supervisor } from '../supervision/watchdog.ts';
import { findGroupName } from './group.ts';
import { Living } from './living.ts';
import type { Self } from './self.ts';

export type LifeOptions = Omit<Self, 'groupName' | 'instances' | 'random' | 'supervisor'> & {
  /** Why the worker's program cannot be started here. Such an instance is never ready and retires at once. */
  workerMissing?: string;
  /** Default: none. */
  supervisor?: Supervisor;
  random?: () => number;
};

export interface Life {
  /** Resolves when the instance has retired: then the process can end. Rejects if the agent was stopped before. */
  readonly ended: Promise<Retirement>;
  /** To be called when the instance is broken: it lets its jobs end and retires. */
  broken(broken: Broken): void;
  /**
   * To be called when the agent is stopped (SIGTERM). Records the stop; no decisions are made any more.
   *
   * @param drained settles when the jobs have ended. Until then the instance reports that it lives. Default: settled
   * @param signal the signal that stops the agent, for the record
   */
  stop(drained?: Promise<void>, signal?: string): Promise<void>;
}

/**
 * Starts the lifecycle of an instance once its agent can work. Puts the instance in service and then resumes the job loop,
 * which is paused until then. Reports that the instance lives, observes its group and AWS's notices, and retires the
 * instance when the policy decides so.
 */
export async function startLife({ workerMissing, ...options }: LifeOptions): Promise<Life> {
  const self = await createInstanceContext(options);
  const stopping = new AbortController();
  const state = new Living(self, workerMissing, stopping.signal);
  const ended = state.live();
  // Whoever stops the agent need not wait for `ended`. Any other rejection is a defect and ends the process: an agent that
  // makes no decisions would never end its instance.
  ended.catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    ended,
    broken: (broken) => state.breakDown(broken),
    async stop(drained = Promise.resolve(), signal) {
      if (stopping.signal.aborted) return;
      stopping.abort(new Error('the agent was stopped'));
      const stopReporting = () => state.fallSilent();
      drained.then(stopReporting, stopReporting);
      await state.recordStop(signal);
    },
  };
}

async function createInstanceContext(options: Omit<LifeOptions, 'workerMissing'>): Promise<Self> {
  const { config, clients, identity, log } = options;
  const groupName = await findGroupName(clients, identity).catch((error: unknown) => {
    log.warn({ err: error }, 'cannot find the Auto Scaling group: going on as an instance without one');
    return undefined;
  });
  const instances = config.table
    ? instanceStore(clients.dynamodb, config.table, config.recordSeconds)
    : undefined;
  return { random: Math.random, supervisor: NOBODY, ...options, groupName, instances };
}
