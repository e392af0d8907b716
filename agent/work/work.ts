import type { FailureStreak } from '../../policy/slowdown.ts';

/**
 * The job side of an agent (receive, claim, run, finish), as the side that ends the instance sees it. The first
 * knows nothing of instances, the second nothing of jobs.
 */
export interface Work {
  state(): WorkState;
  vitals(): Vitals;
  /** Called after every change of `state()`. Returns how to stop listening. */
  onChange(listener: () => void): () => void;
  /** Stops receiving. Resolves when a receive under way has come back and what it brought was handed back. */
  pause(): Promise<void>;
  /** Receives again. Being idle counts from the first time on. */
  resume(): void;
  /** While paused: one short look at the queue. A job that comes is started, and the work resumes by itself. */
  lastLook(): Promise<'empty' | 'found' | 'unknown'>;
  /**
   * Takes nothing new and resolves when all running jobs have ended and are settled with the queue. Those still
   * running after `withinMs` are stopped and handed back.
   */
  drain(withinMs: number): Promise<void>;
}

export interface WorkState {
  /** Jobs whose worker runs, and jobs that ended but are not yet settled with table and queue. */
  running: number;
  settling: number;
  /**
   * Monotonic milliseconds of the moment since which there was no job; undefined while there is one, or while others are
   * left the jobs that there may be.
   */
  idleSinceMs: number | undefined;
  jobsDone: number;
  /** The longest time that a job which is held may run, in seconds: its own limit or the fleet's. 0 without one. */
  longestLimitSeconds: number;
  /** When a job was last started, by AWS's time; undefined: none ever was. */
  lastStartMs?: number | undefined;
  /** A record may go on saying that a job runs here: its end could not be written, or was not ours to write. */
  leftBehind: boolean;
  /** The failures for which it takes one job at a time, with pauses; undefined: it does not. */
  slowed?: FailureStreak | undefined;
}

/** By which a watchdog sees whether the work goes on. */
export interface Vitals {
  /** Whether a receive is under way or would be wanted: neither paused nor without room. */
  receiving: boolean;
  /** Monotonic milliseconds of the next date in the care of leases and running workers; Infinity without one. */
  leasesDueMs: number;
}
