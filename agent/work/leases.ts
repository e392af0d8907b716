import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { DeadlineTimer } from '../../lib/deadline-timer.ts';
import { SQS_MAX_BATCH_SIZE } from '../../lib/limits.ts';
import { extensionSeconds, type LeaseTimes, leaseTimes } from '../../policy/lease.ts';
import type { JobQueue } from '../../store/job-queue.ts';
import type { JobTable } from '../../store/job-table.ts';
import { type InFlightMessage, jobIdOf, stopWorker } from './in-flight-message.ts';

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
 * The leases on the messages of this agent, and the one timer that renews them. After each third of a lease it extends the
 * visibility timeout of the message, and then the lease in the table, until the message is settled. A worker is stopped at
 * its limit, and before its lease ends if the lease could not be renewed.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #messages = new Map<string, InFlightMessage>();
  readonly #timer: DeadlineTimer;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#timer = new DeadlineTimer(options.clock, () => this.#check());
  }

  find(messageId: string): InFlightMessage | undefined {
    return this.#messages.get(messageId);
  }

  all(): Iterable<InFlightMessage> {
    return this.#messages.values();
  }

  /** Creates the lease of a message whose receive began at `startMs` (monotonic). */
  createLease(
    startMs: number,
  ): Pick<InFlightMessage, 'receivedAtMs' | 'lease' | 'renewAtMs' | 'renewFailures'> {
    const lease = this.#times(startMs, this.#options.leaseSeconds);
    return { receivedAtMs: startMs, lease, renewAtMs: lease.renewAtMs, renewFailures: 0 };
  }

  add(inFlight: InFlightMessage): void {
    this.#messages.set(inFlight.message.id, inFlight);
    this.#timer.schedule(inFlight.renewAtMs);
  }

  /**
   * Updates a message that was delivered once more: its newest receipt handle works, and its newest lease counts. If the
   * job is claimed, the next renewal writes the lease to the table. It is not delayed by the newer lease.
   */
  updateHandle(inFlight: InFlightMessage, receiptHandle: string, startMs: number): void {
    const { lease } = inFlight;
    inFlight.receiptHandle = receiptHandle;
    Object.assign(inFlight, this.createLease(startMs));
    if (inFlight.claim) this.capLease(inFlight, lease);
    this.#timer.schedule(inFlight.renewAtMs);
  }

  /**
   * Shortens the lease to the one in the table. To be called when a job was claimed: until the next renewal only the
   * table's lease keeps other agents away, even if SQS has granted more meanwhile.
   */
  capLease(inFlight: InFlightMessage, lease: LeaseTimes | undefined): void {
    if (!lease || lease.endsAtMs >= inFlight.lease.endsAtMs) return;
    inFlight.lease = lease;
    // Infinity: a renewal is being made and will write to the table too, or none is possible.
    if (inFlight.renewAtMs === Number.POSITIVE_INFINITY) return;
    inFlight.renewAtMs = Math.min(inFlight.renewAtMs, lease.renewAtMs);
    this.#timer.schedule(inFlight.renewAtMs);
  }

  /** Enforces a worker's limit. To be called when the worker has started. */
  enforceLimit(inFlight: InFlightMessage, limitAtMs: number): void {
    inFlight.limitAtMs = limitAtMs;
    this.#timer.schedule(nextDueMs(inFlight));
  }

  /** Stops the renewals. Resolves when no call is pending that could still change the message's visibility. */
  async untrackAndWait(inFlight: InFlightMessage): Promise<void> {
    this.untrack(inFlight);
    await inFlight.renewal;
  }

  untrack(inFlight: InFlightMessage): void {
    if (this.#messages.get(inFlight.message.id) === inFlight) this.#messages.delete(inFlight.message.id);
  }

  /** When something is next to be done, in monotonic milliseconds. Infinity: never. */
  nextDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const inFlight of this.#messages.values()) dueMs = Math.min(dueMs, nextDueMs(inFlight));
    return dueMs;
  }

  hasEnded(inFlight: InFlightMessage): boolean {
    return this.#options.clock.monotonic() >= inFlight.lease.endsAtMs;
  }

  #check(): void {
    const nowMs = this.#options.clock.monotonic();
    // Leases that are due soon are renewed in the same calls.
    const soonMs = nowMs + (this.#options.leaseSeconds * 1000) / 12;
    const due: InFlightMessage[] = [];
    for (const inFlight of this.#messages.values()) {
      this.#stopIfNeeded(inFlight, nowMs);
      if (inFlight.renewAtMs > soonMs) continue;
      if (this.#canExtend(inFlight, nowMs)) due.push(inFlight);
      else inFlight.renewAtMs = Number.POSITIVE_INFINITY;
    }
    for (let at = 0; at < due.length; at += SQS_MAX_BATCH_SIZE)
      this.#renewBatch(due.slice(at, at + SQS_MAX_BATCH_SIZE));
    for (const inFlight of this.#messages.values()) this.#timer.schedule(nextDueMs(inFlight));
  }

  /** Near the end of the 12 hours SQS grants no more than the message has already. */
  #canExtend(inFlight: InFlightMessage, nowMs: number): boolean {
    const seconds = extensionSeconds(this.#options.leaseSeconds, nowMs - inFlight.receivedAtMs);
    return seconds > 0 && nowMs + seconds * 1000 > inFlight.lease.endsAtMs;
  }

  #stopIfNeeded(inFlight: InFlightMessage, nowMs: number): void {
    if (inFlight.phase !== 'running' || inFlight.stopped === 'lease-lost') return;
    if (nowMs >= inFlight.lease.stopAtMs) {
      this.#options.log.warn(
        { job: jobIdOf(inFlight) },
        'the lease could not be renewed: stopping the worker',
      );
      stopWorker(inFlight, 'lease-lost', Math.max(0, inFlight.lease.killAtMs - nowMs));
    } else if (
      inFlight.limitAtMs !== undefined &&
      nowMs >= inFlight.limitAtMs &&
      inFlight.stopped === undefined
    ) {
      stopWorker(inFlight, 'timed-out', this.#options.graceSeconds * 1000);
    }
  }

  #renewBatch(batch: InFlightMessage[]): void {
    const renewal = this.#renew(batch);
    for (const inFlight of batch) {
      inFlight.renewAtMs = Number.POSITIVE_INFINITY;
      inFlight.renewal = renewal;
    }
  }

  async #renew(batch: InFlightMessage[]): Promise<void> {
    const { queue, clock, leaseSeconds } = this.#options;
    const startMs = clock.monotonic();
    const entries = batch.map(({ receiptHandle, receivedAtMs }) => ({
      receiptHandle,
      seconds: extensionSeconds(leaseSeconds, startMs - receivedAtMs),
    }));
    // The SDK tries up to three times. All tries together leave time for another renewal before the lease ends.
    const timeoutMs = Math.max(300, (leaseSeconds * 1000) / 9);
    const results = await queue
      .changeVisibility(entries, timeoutMs)
      .catch((error: unknown) => batch.map(() => error));
    const renewals = batch.map(async (inFlight, index) => {
      try {
        if (results[index]) throw results[index];
        await this.#renewInTable(inFlight, startMs);
        this.#extend(inFlight, startMs, entries[index]?.seconds ?? leaseSeconds);
      } catch (error) {
        this.#retry(inFlight, error);
      }
    });
    await Promise.all(renewals);
  }

  async #renewInTable(inFlight: InFlightMessage, startMs: number): Promise<void> {
    const { table, clock, leaseSeconds, graceSeconds, log } = this.#options;
    if (!table || !inFlight.claim || isSettling(inFlight)) return;
    const latestMs = clock.now() + (clock.errorMs() ?? 0);
    const leaseUntilMs = latestMs - (clock.monotonic() - startMs) + leaseSeconds * 1000;
    const written = await table.renew(jobIdOf(inFlight), inFlight.claim.fence, leaseUntilMs);
    // The job may have ended meanwhile. Then this agent's last write is the one that refuses the renewal.
    if (written === 'written' || isSettling(inFlight)) return;
    if (written === 'cancel-requested') {
      if (inFlight.stopped === undefined) stopWorker(inFlight, 'cancelled', graceSeconds * 1000);
      return;
    }
    log.warn({ job: jobIdOf(inFlight) }, 'the job was taken over: stopping the worker');
    stopWorker(inFlight, 'lease-lost', 0);
  }

  #extend(inFlight: InFlightMessage, startMs: number, seconds: number): void {
    // A duplicate delivery may have brought a newer lease meanwhile.
    const lease = this.#times(startMs, seconds);
    if (lease.endsAtMs >= inFlight.lease.endsAtMs) inFlight.lease = lease;
    inFlight.renewFailures = 0;
    this.#scheduleRenewal(inFlight, inFlight.lease.renewAtMs);
  }

  #retry(inFlight: InFlightMessage, error: unknown): void {
    const { clock, random, log, leaseSeconds } = this.#options;
    inFlight.renewFailures += 1;
    log.warn(
      { job: jobIdOf(inFlight), err: error, failures: inFlight.renewFailures },
      'a lease could not be extended',
    );
    const bounds = { initialMs: 200, maxMs: (leaseSeconds * 1000) / 6 };
    this.#scheduleRenewal(inFlight, clock.monotonic() + backoffMs(bounds, inFlight.renewFailures, random));
  }

  #scheduleRenewal(inFlight: InFlightMessage, atMs: number): void {
    inFlight.renewal = undefined;
    inFlight.renewAtMs = atMs;
    if (this.#messages.get(inFlight.message.id) === inFlight) this.#timer.schedule(nextDueMs(inFlight));
  }

  #times(startMs: number, seconds: number) {
    return leaseTimes(startMs, seconds * 1000, this.#options.graceSeconds * 1000);
  }
}

/** The last write is being made, or the job was not started. Its lease in the table must not be renewed. */
function isSettling({ phase }: InFlightMessage): boolean {
  return phase === 'settling';
}

function nextDueMs(inFlight: InFlightMessage): number {
  if (inFlight.phase !== 'running' || inFlight.stopped === 'lease-lost') return inFlight.renewAtMs;
  const limitMs =
    inFlight.stopped === undefined
      ? (inFlight.limitAtMs ?? Number.POSITIVE_INFINITY)
      : Number.POSITIVE_INFINITY;
  return Math.min(inFlight.renewAtMs, inFlight.lease.stopAtMs, limitMs);
}
