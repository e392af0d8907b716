import { instanceStore } from '../../store/instances.ts';
import type { Retirement } from '../../jobs/record.ts';
import type { Broken } from '../../policy/retirement.ts';
import { NOBODY, type Supervisor } from '../supervision/watchdog.ts';
import { findGroupName } from './group.ts';
import { Living } from './living.ts';
import type { Self } from './self.ts';

export type LifeOptions = Omit<Self, 'groupName' | 'instances' | 'random' | 'supervisor'> & {
  /** Why the worker's program cannot be started here: such an instance never was ready and retires at once. */
  workerMissing?: string;
  /** By default nobody. */
  supervisor?: Supervisor;
  random?: () => number;
};

export interface Life {
  /** The instance has retired: nothing is left but to end the process. Rejects when the agent was stopped first. */
  readonly ended: Promise<Retirement>;
  /** The instance is of no use: it lets its jobs end and retires. */
  broken(broken: Broken): void;
  /**
   * Somebody else stops the agent (SIGTERM): nothing is decided any more, and that goes on record.
   *
   * @param drained settled when its jobs have ended: the table hears that it lives until then. By default at once
   * @param signal the one that stops it, for the record
   */
  stop(drained?: Promise<void>, signal?: string): Promise<void>;
}

/**
 * The life of an instance, from the moment its agent is ready for work: lets it into service and sets the work, which
 * is paused until then, going; reports that it lives, watches its group and AWS's notices, and retires it when the
 * policy says so.
 */
export async function startLife({ workerMissing, ...options }: LifeOptions): Promise<Life> {
  const self = await knowThyself(options);
  const stopping = new AbortController();
  const living = new Living(self, workerMissing, stopping.signal);
  const ended = living.live();
  // Whoever stops the agent need not wait for the end of its life. Any other end is a defect, which ends the process:
  // an agent that decides nothing any more would never end its instance.
  ended.catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    ended,
    broken: (broken) => living.breakDown(broken),
    async stop(drained = Promise.resolve(), signal) {
      if (stopping.signal.aborted) return;
      stopping.abort(new Error('the agent was stopped'));
      const fallSilent = () => living.fallSilent();
      drained.then(fallSilent, fallSilent);
      await living.recordStop(signal);
    },
  };
}

async function knowThyself(options: Omit<LifeOptions, 'workerMissing'>): Promise<Self> {
  const { config, clients, identity, log } = options;
  const groupName = await findGroupName(clients, identity).catch((error: unknown) => {
    log.warn({ err: error }, 'cannot find out the Auto Scaling group: living as if there were none');
    return undefined;
  });
  const instances = config.table
    ? instanceStore(clients.dynamodb, config.table, config.recordSeconds)
    : undefined;
  return { random: Math.random, supervisor: NOBODY, ...options, groupName, instances };
}
