import type { Retirement } from '../../jobs/record.ts';
import type { Broken } from '../../policy/retirement.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { NO_SUPERVISOR, type Supervisor } from '../supervision/watchdog.ts';
import { findGroupName } from './group.ts';
import type { InstanceContext } from './instance-context.ts';
import { InstanceState } from './instance-state.ts';

export type LifecycleOptions = Omit<InstanceContext, 'groupName' | 'instances' | 'random' | 'supervisor'> & {
  /** Why the worker's program cannot be started here. Such an instance is never ready and retires at once. */
  workerMissing?: string;
  /** Default: none. */
  supervisor?: Supervisor;
  random?: () => number;
};

export interface Lifecycle {
  /** Resolves when the instance has retired: then the process can end. Rejects if the agent was stopped before. */
  readonly ended: Promise<Retirement>;
  /** To be called when the instance is broken: it lets its jobs end and retires. */
  reportBroken(broken: Broken): void;
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
export async function startLifecycle({ workerMissing, ...options }: LifecycleOptions): Promise<Lifecycle> {
  const self = await createInstanceContext(options);
  const stopping = new AbortController();
  const state = new InstanceState(self, workerMissing, stopping.signal);
  const ended = state.run();
  // Whoever stops the agent need not wait for `ended`. Any other rejection is a defect and ends the process: an agent that
  // makes no decisions would never end its instance.
  ended.catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    ended,
    reportBroken: (broken) => state.markBroken(broken),
    async stop(drained = Promise.resolve(), signal) {
      if (stopping.signal.aborted) return;
      stopping.abort(new Error('the agent was stopped'));
      const stopReporting = () => state.stopReporting();
      drained.then(stopReporting, stopReporting);
      await state.recordStop(signal);
    },
  };
}

async function createInstanceContext(
  options: Omit<LifecycleOptions, 'workerMissing'>,
): Promise<InstanceContext> {
  const { config, clients, identity, log } = options;
  const groupName = await findGroupName(clients, identity).catch((error: unknown) => {
    log.warn({ err: error }, 'cannot find the Auto Scaling group: going on as an instance without one');
    return undefined;
  });
  const instances = config.table
    ? createInstanceStore(clients.dynamodb, config.table, config.recordSeconds)
    : undefined;
  return { random: Math.random, supervisor: NO_SUPERVISOR, ...options, groupName, instances };
}
