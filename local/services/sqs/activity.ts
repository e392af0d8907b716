import type { CloudClock } from '../../clock.ts';

/** "Monitoring Amazon SQS queues using CloudWatch": for how long a queue reports metrics after its last use. */
const ACTIVE_MS = 6 * 3_600_000;
/** The same page: how late the metrics of a queue may be that was inactive before. */
const LATE_MS = 15 * 60_000;

interface QueueUse {
  usedAtMs: number;
  reportsFromMs: number;
}

/**
 * Decides which queues report metrics. A queue is inactive if it is empty and nobody sent, received or changed a
 * message for six hours. Once it is used again its metrics are 15 minutes late. AWS says "up to" for both, and counts
 * any call as use: this is the worst case that it allows. Both times pass at the clock's speed.
 */
export class QueueActivity {
  readonly #clock: CloudClock;
  readonly #queues = new Map<string, QueueUse>();

  constructor(clock: CloudClock) {
    this.#clock = clock;
  }

  /** Records that a queue was created or its messages were used. */
  recordUse(queueName: string): void {
    const nowMs = this.#clock.now();
    const before = this.#queues.get(queueName);
    const wasInactive = before !== undefined && this.#isInactive(before, nowMs);
    const reportsFromMs = wasInactive
      ? nowMs + LATE_MS / this.#clock.speed
      : (before?.reportsFromMs ?? nowMs);
    this.#queues.set(queueName, { usedAtMs: nowMs, reportsFromMs });
  }

  /** Whether the queue reports metrics now. */
  reports(queueName: string, holdsMessages: boolean): boolean {
    if (holdsMessages) this.recordUse(queueName);
    const activity = this.#queues.get(queueName);
    const nowMs = this.#clock.now();
    return activity !== undefined && !this.#isInactive(activity, nowMs) && nowMs >= activity.reportsFromMs;
  }

  /** Marks a queue as unused for six hours. */
  markInactive(queueName: string): void {
    this.#queues.set(queueName, { usedAtMs: Number.NEGATIVE_INFINITY, reportsFromMs: 0 });
  }

  forget(queueName: string): void {
    this.#queues.delete(queueName);
  }

  #isInactive({ usedAtMs }: QueueUse, nowMs: number): boolean {
    return (nowMs - usedAtMs) * this.#clock.speed > ACTIVE_MS;
  }
}
