import type { Clock } from '../../aws/clock.ts';
import type { LogBucket } from './bucket.ts';
import type { LogMemory } from './log-memory.ts';
import type { LogThrottle } from './log-throttle.ts';

/** What the logs of all tries of an agent share. */
export interface TryLogContext {
  readonly clock: Clock;
  readonly memory: LogMemory;
  readonly bucket: LogBucket | undefined;
  readonly logThrottle: LogThrottle;
  readonly chunkBytes: number;
  readonly flushMs: number;
  readonly maxWaitMs: number;
  /** How many bytes of a try are kept, both streams together. */
  readonly maxBytes: number;
  /** Monotonic milliseconds. Neither a worker nor the end of a job waits for its log beyond it. */
  readonly deadlineMs: number;
  /** How long the end of a job may wait for its log. */
  maxEndWaitMs(): number;
  /** Resolves after `ms`, at `deadlineMs`, which may change meanwhile, or when `done` is aborted. */
  waitAtMost(ms: number, done: AbortSignal): Promise<void>;
  /** Sets the timer that flushes logs, to go off at `atMs` (monotonic) at the latest. */
  scheduleFlush(atMs: number): void;
  /** The log has ended: it is not flushed any more. */
  remove(log: FlushableLog): void;
}

/** A log that is flushed when it is due. */
export interface FlushableLog {
  /** Monotonic milliseconds; Infinity: nothing is to be flushed. */
  readonly dueMs: number;
  /** Never rejects. */
  flush(): Promise<void>;
}
