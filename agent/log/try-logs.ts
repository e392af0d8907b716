import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { DeadlineTimer } from '../../lib/deadline-timer.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { LogBucket } from './bucket.ts';
import { LogMemory } from './log-memory.ts';
import { LogThrottle } from './log-throttle.ts';
import type { FlushableLog, TryLogContext } from './try-log-context.ts';
import { type TryLogOptions, TryLogWriter } from './try-log-writer.ts';

export interface TryLogsOptions {
  config: Pick<AgentConfig, 'log' | 'logBucket'>;
  clients: { readonly s3: S3Client };
  clock: Clock;
  random: () => number;
  log: Log;
}

/** The wait for a bucket that has not answered for long: enough to see whether it answers again. */
const AWAY_PATIENCE_MS = 2000;

/** How often a try that waits for the bucket checks whether it may still wait. */
const LOOK_MS = 250;

/** The logs of all running tries, and the one timer that flushes them. */
export class TryLogs implements TryLogContext {
  readonly clock: Clock;
  readonly memory: LogMemory;
  readonly bucket: LogBucket | undefined;
  readonly logThrottle: LogThrottle;
  readonly chunkBytes: number;
  readonly flushMs: number;
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #open = new Set<FlushableLog>();
  readonly #timer: DeadlineTimer;

  constructor({ config, clients, clock, random, log }: TryLogsOptions) {
    const { chunkBytes, flushSeconds, bufferBytes, patienceSeconds, maxBytes } = config.log;
    this.clock = clock;
    this.chunkBytes = chunkBytes;
    this.flushMs = flushSeconds * 1000;
    this.maxWaitMs = patienceSeconds * 1000;
    this.maxBytes = maxBytes;
    this.memory = new LogMemory(bufferBytes, chunkBytes);
    this.logThrottle = new LogThrottle(clock, log);
    this.#timer = new DeadlineTimer(clock, () => this.#flushDue());
    if (config.logBucket === undefined) return;
    this.bucket = new LogBucket({
      clients,
      bucket: config.logBucket,
      maxSilenceMs: this.maxWaitMs,
      clock,
      random,
      logThrottle: this.logThrottle,
    });
  }

  open(options: TryLogOptions): TryLogWriter {
    const log = new TryLogWriter(this, options);
    this.#open.add(log);
    return log;
  }

  maxEndWaitMs(): number {
    return this.bucket?.isAway ? Math.min(AWAY_PATIENCE_MS, this.maxWaitMs) : this.maxWaitMs;
  }

  async waitAtMost(ms: number, done: AbortSignal): Promise<void> {
    const endMs = this.clock.monotonic() + ms;
    while (!done.aborted) {
      const leftMs = Math.min(endMs, this.deadlineMs) - this.clock.monotonic();
      if (leftMs <= 0) return;
      await this.clock.sleep(Math.min(leftMs, LOOK_MS), done).catch(() => undefined);
    }
  }

  scheduleFlush(atMs: number): void {
    this.#timer.schedule(atMs);
  }

  remove(log: FlushableLog): void {
    this.#open.delete(log);
  }

  #flushDue(): void {
    const nowMs = this.clock.monotonic();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const log of this.#open) {
      if (log.dueMs <= nowMs) void log.flush();
      else nextMs = Math.min(nextMs, log.dueMs);
    }
    this.#timer.schedule(nextMs);
  }
}
