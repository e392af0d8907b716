import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { LARGEST_BATCH } from '../../lib/limits.ts';
import type { JobQueue } from '../../store/queue.ts';
import type { JobTable } from '../../store/table.ts';
import { backoffMs } from '../../policy/backoff.ts';
import { extensionSeconds, type LeaseTimes, leaseTimes } from '../../policy/lease.ts';
import { Alarm } from './alarm.ts';
import { type Held, jobIdOf, stopWorker } from './held.ts';

export interface LeasesOptions {
  queue: JobQueue;
  /** Undefined: jobs are not tracked. */
  table: JobTable | undefined;
  clock: Clock;
  random: () => number;
  log: Log;
  leaseSeconds: number;
  graceSeconds: number;
}

/**
 * The messages that this agent holds, and the one timer that keeps them held: extends each lease when a third of it
 * is over, on the queue first and then in the table, until the message is settled; stops a worker at its limit, and
 * before its lease ends if that could not be extended.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #held = new Map<string, Held>();
  readonly #alarm: Alarm;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => this.#look());
  }

  find(messageId: string): Held | undefined {
    return this.#held.get(messageId);
  }

  all(): Iterable<Held> {
    return this.#held.values();
  }

  /** The lease of what a receive that began at `startMs` (monotonic) brought. */
  fresh(startMs: number): Pick<Held, 'receivedAtMs' | 'lease' | 'renewAtMs' | 'renewFailures'> {
    const lease = this.#times(startMs, this.#options.leaseSeconds);
    return { receivedAtMs: startMs, lease, renewAtMs: lease.renewAtMs, renewFailures: 0 };
  }

  add(held: Held): void {
    this.#held.set(held.message.id, held);
    this.#alarm.at(held.renewAtMs);
  }

  /**
   * The message was delivered once more: its newest handle is the one that works, its newest lease the one that counts. Of
   * that the table of a claimed job hears with the next renewal, which comes no later for it.
   */
  takeOver(held: Held, receiptHandle: string, startMs: number): void {
    const { lease } = held;
    held.receiptHandle = receiptHandle;
    Object.assign(held, this.fresh(startMs));
    if (held.claim) this.boundBy(held, lease);
    this.#alarm.at(held.renewAtMs);
  }

  /**
   * To be called when a job was claimed, with the lease that the table knows: until the next renewal it alone keeps other
   * agents away, whatever SQS has granted while the claim was under way.
   */
  boundBy(held: Held, lease: LeaseTimes | undefined): void {
    if (!lease || lease.endsAtMs >= held.lease.endsAtMs) return;
    held.lease = lease;
    // Infinity: a renewal is under way and reaches the table too, or none is possible.
    if (held.renewAtMs === Number.POSITIVE_INFINITY) return;
    held.renewAtMs = Math.min(held.renewAtMs, lease.renewAtMs);
    this.#alarm.at(held.renewAtMs);
  }

  /** To be called when a worker has started: its limit is kept from then on. */
  watchLimit(held: Held, limitAtMs: number): void {
    held.limitAtMs = limitAtMs;
    this.#alarm.at(nextLookMs(held));
  }

  /** Stops extending. Resolves once no answer is outstanding that could still change the message's visibility. */
  async release(held: Held): Promise<void> {
    this.letGo(held);
    await held.renewal;
  }

  letGo(held: Held): void {
    if (this.#held.get(held.message.id) === held) this.#held.delete(held.message.id);
  }

  /** The next date on which something is to be done: monotonic milliseconds, Infinity while nothing is held. */
  nextDateMs(): number {
    let dateMs = Number.POSITIVE_INFINITY;
    for (const held of this.#held.values()) dateMs = Math.min(dateMs, nextLookMs(held));
    return dateMs;
  }

  hasEnded(held: Held): boolean {
    return this.#options.clock.monotonic() >= held.lease.endsAtMs;
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonic();
    // Those due soon go along: the fewer calls, the better.
    const soonMs = nowMs + (this.#options.leaseSeconds * 1000) / 12;
    const due: Held[] = [];
    for (const held of this.#held.values()) {
      this.#stopIfNeeded(held, nowMs);
      if (held.renewAtMs > soonMs) continue;
      if (this.#canExtend(held, nowMs)) due.push(held);
      else held.renewAtMs = Number.POSITIVE_INFINITY;
    }
    for (let at = 0; at < due.length; at += LARGEST_BATCH)
      this.#renewBatch(due.slice(at, at + LARGEST_BATCH));
    for (const held of this.#held.values()) this.#alarm.at(nextLookMs(held));
  }

  /** Near the end of its 12 hours SQS grants no more than the message has already. */
  #canExtend(held: Held, nowMs: number): boolean {
    const seconds = extensionSeconds(this.#options.leaseSeconds, nowMs - held.receivedAtMs);
    return seconds > 0 && nowMs + seconds * 1000 > held.lease.endsAtMs;
  }

  #stopIfNeeded(held: Held, nowMs: number): void {
    if (held.phase !== 'running' || held.stopped === 'lease-lost') return;
    if (nowMs >= held.lease.stopAtMs) {
      this.#options.log.warn({ job: jobIdOf(held) }, 'the lease could not be renewed: stopping the worker');
      stopWorker(held, 'lease-lost', Math.max(0, held.lease.killAtMs - nowMs));
    } else if (held.limitAtMs !== undefined && nowMs >= held.limitAtMs && held.stopped === undefined) {
      stopWorker(held, 'timed-out', this.#options.graceSeconds * 1000);
    }
  }

  #renewBatch(batch: Held[]): void {
    const renewal = this.#renew(batch);
    for (const held of batch) {
      held.renewAtMs = Number.POSITIVE_INFINITY;
      held.renewal = renewal;
    }
  }

  async #renew(batch: Held[]): Promise<void> {
    const { queue, clock, leaseSeconds } = this.#options;
    const startMs = clock.monotonic();
    const entries = batch.map(({ receiptHandle, receivedAtMs }) => ({
      receiptHandle,
      seconds: extensionSeconds(leaseSeconds, startMs - receivedAtMs),
    }));
    // The SDK tries up to three times: together they leave time for another round before the lease ends.
    const timeoutMs = Math.max(300, (leaseSeconds * 1000) / 9);
    const results = await queue.hide(entries, timeoutMs).catch((error: unknown) => batch.map(() => error));
    const renewals = batch.map(async (held, index) => {
      try {
        if (results[index]) throw results[index];
        await this.#renewInTable(held, startMs);
        this.#extend(held, startMs, entries[index]?.seconds ?? leaseSeconds);
      } catch (error) {
        this.#retry(held, error);
      }
    });
    await Promise.all(renewals);
  }

  async #renewInTable(held: Held, startMs: number): Promise<void> {
    const { table, clock, leaseSeconds, graceSeconds, log } = this.#options;
    if (!table || !held.claim || isSettling(held)) return;
    const latestMs = clock.now() + (clock.errorMs() ?? 0);
    const leaseUntilMs = latestMs - (clock.monotonic() - startMs) + leaseSeconds * 1000;
    const written = await table.renew(jobIdOf(held), held.claim.fence, leaseUntilMs);
    // It may have ended meanwhile, and its own last write be the one that stands in the way.
    if (written === 'written' || isSettling(held)) return;
    if (written === 'cancel-requested') {
      if (held.stopped === undefined) stopWorker(held, 'cancelled', graceSeconds * 1000);
      return;
    }
    log.warn({ job: jobIdOf(held) }, 'the job was taken over: stopping the worker');
    stopWorker(held, 'lease-lost', 0);
  }

  #extend(held: Held, startMs: number, seconds: number): void {
    // A handle that was taken over meanwhile came with a newer lease.
    const lease = this.#times(startMs, seconds);
    if (lease.endsAtMs >= held.lease.endsAtMs) held.lease = lease;
    held.renewFailures = 0;
    this.#scheduleRenewal(held, held.lease.renewAtMs);
  }

  #retry(held: Held, error: unknown): void {
    const { clock, random, log, leaseSeconds } = this.#options;
    held.renewFailures += 1;
    log.warn(
      { job: jobIdOf(held), err: error, failures: held.renewFailures },
      'a lease could not be extended',
    );
    const bounds = { initialMs: 200, maxMs: (leaseSeconds * 1000) / 6 };
    this.#scheduleRenewal(held, clock.monotonic() + backoffMs(bounds, held.renewFailures, random));
  }

  #scheduleRenewal(held: Held, atMs: number): void {
    held.renewal = undefined;
    held.renewAtMs = atMs;
    if (this.#held.get(held.message.id) === held) this.#alarm.at(nextLookMs(held));
  }

  #times(startMs: number, seconds: number) {
    return leaseTimes(startMs, seconds * 1000, this.#options.graceSeconds * 1000);
  }
}

/** Its last write is under way, or nothing was begun: its lease in the table is not to be renewed. */
function isSettling({ phase }: Held): boolean {
  return phase === 'settling';
}

function nextLookMs(held: Held): number {
  if (held.phase !== 'running' || held.stopped === 'lease-lost') return held.renewAtMs;
  const limitMs =
    held.stopped === undefined ? (held.limitAtMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  return Math.min(held.renewAtMs, held.lease.stopAtMs, limitMs);
}
