import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { Alarm } from '../work/alarm.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { LogBucket } from './bucket.ts';
import { Complaints } from './complaints.ts';
import { Memory } from './memory.ts';
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
  readonly memory: Memory;
  readonly bucket: LogBucket | undefined;
  readonly complaints: Complaints;
  readonly chunkBytes: number;
  readonly flushMs: number;
  readonly patienceMs: number;
  readonly maxBytes: number;
  hurryAtMs = Number.POSITIVE_INFINITY;
  readonly #open = new Set<FlushableLog>();
  readonly #timer: Alarm;

  constructor({ config, clients, clock, random, log }: TryLogsOptions) {
    const { chunkBytes, flushSeconds, bufferBytes, patienceSeconds, maxBytes } = config.log;
    this.clock = clock;
    this.chunkBytes = chunkBytes;
    this.flushMs = flushSeconds * 1000;
    this.patienceMs = patienceSeconds * 1000;
    this.maxBytes = maxBytes;
    this.memory = new Memory(bufferBytes, chunkBytes);
    this.complaints = new Complaints(clock, log);
    this.#timer = new Alarm(clock, () => this.#flushDue());
    if (config.logBucket === undefined) return;
    this.bucket = new LogBucket({
      clients,
      bucket: config.logBucket,
      patienceMs: this.patienceMs,
      clock,
      random,
      complaints: this.complaints,
    });
  }

  open(options: TryLogOptions): TryLogWriter {
    const log = new TryLogWriter(this, options);
    this.#open.add(log);
    return log;
  }

  endPatienceMs(): number {
    return this.bucket?.away ? Math.min(AWAY_PATIENCE_MS, this.patienceMs) : this.patienceMs;
  }

  async late(ms: number, done: AbortSignal): Promise<void> {
    const endMs = this.clock.monotonic() + ms;
    while (!done.aborted) {
      const leftMs = Math.min(endMs, this.hurryAtMs) - this.clock.monotonic();
      if (leftMs <= 0) return;
      await this.clock.sleep(Math.min(leftMs, LOOK_MS), done).catch(() => undefined);
    }
  }

  ring(atMs: number): void {
    this.#timer.at(atMs);
  }

  forget(log: FlushableLog): void {
    this.#open.delete(log);
  }

  #flushDue(): void {
    const nowMs = this.clock.monotonic();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const log of this.#open) {
      if (log.dueMs <= nowMs) void log.flush();
      else nextMs = Math.min(nextMs, log.dueMs);
    }
    this.#timer.at(nextMs);
  }
}
