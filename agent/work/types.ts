import type { FailureStreak } from '../../policy/slowdown.ts';

/**
 * The loop that receives, claims, runs and settles jobs, as the lifecycle of the instance uses it. The job loop knows
 * nothing of instances, and the lifecycle nothing of jobs.
 */
export interface JobLoop extends JobLoopStatus {
  /** Calls the listener after every change of `state()`. Returns a function that removes it. */
  onChange(listener: () => void): () => void;
  /** Stops receiving. Resolves when the current receive has ended and its messages were requeued. */
  pause(): Promise<void>;
  /** Receives again. Idle time counts from the first call on. */
  resume(): void;
  /** While paused: one short receive. If a job comes, it is started and the loop resumes by itself. */
  receiveLast(): Promise<'empty' | 'found' | 'unknown'>;
  /**
   * Takes no new jobs. Resolves when all running jobs have ended and are settled. Jobs that still run after `withinMs` are
   * stopped and requeued.
   */
  drain(withinMs: number): Promise<void>;
}

/** What a watchdog reads of a job loop. */
export interface JobLoopStatus {
  state(): JobLoopState;
  progress(): JobLoopProgress;
}

export interface JobLoopState {
  /** Jobs whose worker runs, and jobs that have ended but are not settled with table and queue yet. */
  running: number;
  settling: number;
  /**
   * Since when there is no job, in monotonic milliseconds. Undefined: there is one, or the instance may be leaving jobs to
   * others.
   */
  idleSinceMs: number | undefined;
  jobsDone: number;
  /** The longest limit of the jobs here, in seconds: each job's own limit or the fleet's. 0: there is no job. */
  longestLimitSeconds: number;
  /** When a job was last started, in AWS's time. Undefined: none was. */
  lastStartMs?: number | undefined;
  /** A record may still say that a job runs here: its end could not be written, or another agent has to write it. */
  hasStaleRecords: boolean;
  /** The failures that slowed the loop down to one job at a time, with pauses. Undefined: it is not slowed down. */
  slowed?: FailureStreak | undefined;
}

/** What a watchdog needs to see whether the loop makes progress. */
export interface JobLoopProgress {
  /** Whether a receive runs or should run: the loop is not paused and has room. */
  receiving: boolean;
  /** When a lease or a worker's limit is next due, in monotonic milliseconds. Infinity: never. */
  leasesDueMs: number;
}
