import type { CloudClock } from '../../clock.ts';

/** "Monitoring Amazon SQS queues using CloudWatch": how long a queue reports after it was last used. */
const AWAKE_MS = 6 * 3_600_000;
/** The same: how late the metrics of a queue may come that was not active before. */
const LATE_MS = 15 * 60_000;

interface Activity {
  usedAtMs: number;
  reportsFromMs: number;
}

/**
 * Which queues report metrics. A queue that holds nothing and whose messages nobody sent, received or changed for six
 * hours is quiet; once it is used again its metrics come a quarter of an hour late. AWS says "up to" of both, and counts
 * any call as use: this is the worst that it allows. Both times pass at the clock's speed.
 */
export class QueueActivity {
  readonly #clock: CloudClock;
  readonly #queues = new Map<string, Activity>();

  constructor(clock: CloudClock) {
    this.#clock = clock;
  }

  /** Somebody used its messages, or it was made. */
  note(queueName: string): void {
    const nowMs = this.#clock.now();
    const before = this.#queues.get(queueName);
    const woken = before !== undefined && this.#isQuiet(before, nowMs);
    const reportsFromMs = woken ? nowMs + LATE_MS / this.#clock.speed : (before?.reportsFromMs ?? nowMs);
    this.#queues.set(queueName, { usedAtMs: nowMs, reportsFromMs });
  }

  /** Whether its metrics come now. */
  reports(queueName: string, holdsMessages: boolean): boolean {
    if (holdsMessages) this.note(queueName);
    const activity = this.#queues.get(queueName);
    const nowMs = this.#clock.now();
    return activity !== undefined && !this.#isQuiet(activity, nowMs) && nowMs >= activity.reportsFromMs;
  }

  /** As if nobody had used it for six hours. */
  quieten(queueName: string): void {
    this.#queues.set(queueName, { usedAtMs: Number.NEGATIVE_INFINITY, reportsFromMs: 0 });
  }

  forget(queueName: string): void {
    this.#queues.delete(queueName);
  }

  #isQuiet({ usedAtMs }: Activity, nowMs: number): boolean {
    return (nowMs - usedAtMs) * this.#clock.speed > AWAKE_MS;
  }
}
