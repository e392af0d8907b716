import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { createOwnJobId } from '../../jobs/message.ts';
import { decideOutcome, type MessageAction, type Outcome, type RetryRules } from '../../jobs/outcome.ts';
import type { JobRecord, TryLog } from '../../jobs/record.ts';
import { extensionSeconds } from '../../policy/lease.ts';
import { classifyRefusal } from '../../policy/refusal.ts';
import { deadLetterRetryMs, invisibleMs, SETTLEMENT_RETRY_MS } from '../../policy/refused-settlement.ts';
import type { Claim } from '../../store/claim.ts';
import type { TryEnd, WriteResult } from '../../store/job-endings.ts';
import type { JobQueue, Message } from '../../store/job-queue.ts';
import type { JobTable } from '../../store/job-table.ts';
import type { AttemptResult, EndedAttempt } from './attempt.ts';
import { Batcher } from './batcher.ts';
import type { Bodies } from './bodies.ts';
import { type InFlightMessage, jobIdOf } from './in-flight-message.ts';
import { endedJob, type Lanes } from './lanes.ts';
import type { Leases } from './leases.ts';
import { retrySettlement } from './settlement-retry.ts';
import { countAttempts, countTries, type Exit, endLastTry, rulesFor, toExit, toNotNow } from './try-end.ts';

export interface SettlerOptions {
  queue: JobQueue;
  leases: Leases;
  table: JobTable | undefined;
  /** The lanes of groups. Undefined: jobs are not tracked, so there are no groups. */
  lanes: Lanes | undefined;
  bodies: Bodies;
  rules: RetryRules;
  leaseSeconds: number;
  clock: Clock;
  random: () => number;
  log: Log;
  /** Whether the agent has to end. */
  stopping: () => boolean;
}

/** The wait before a message is received again whose job could not be held yet. */
const RETRY_HOLD_SECONDS = 30;

const MAX_DELETED_LATE = 1000;

/** The log level for the end of a try, by the job's state after it. */
const LEVELS = {
  succeeded: 'info',
  queued: 'warn',
  cancelled: 'info',
  failed: 'error',
  timed_out: 'error',
  lost: 'error',
} as const;

/**
 * Writes the end of a try to the table and then to the queue. If the agent dies in between, the record says what is to be
 * done with the message. Calls are retried until they succeed or cannot succeed.
 */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #deletedLate = new Set<string>();
  #hasStaleRecords = false;
  readonly #removals: Batcher<InFlightMessage>;
  readonly #hidings: Batcher<{ inFlight: InFlightMessage; seconds: number }>;

  constructor(options: SettlerOptions) {
    this.#options = options;
    const { queue } = options;
    this.#removals = new Batcher((batch) =>
      queue.deleteMessages(batch.map((inFlight) => inFlight.receiptHandle)),
    );
    this.#hidings = new Batcher((batch) =>
      queue.changeVisibility(
        batch.map(({ inFlight, seconds }) => ({ receiptHandle: inFlight.receiptHandle, seconds })),
      ),
    );
  }

  /** Never rejects. If a message cannot be settled, that is logged, and the message is received again. */
  async settle(inFlight: InFlightMessage, attempted: AttemptResult): Promise<void> {
    try {
      if (attempted.kind === 'ended') await this.#settleEnded(inFlight, attempted);
      else await this.#settleNotClaimed(inFlight, attempted.claim);
    } catch (err) {
      this.#hasStaleRecords = true;
      this.#logUnsettled(inFlight, err);
    } finally {
      this.#options.leases.untrack(inFlight);
    }
  }

  /** Requeues a message whose job was not started. Never rejects. */
  async requeue(inFlight: InFlightMessage): Promise<void> {
    inFlight.phase = 'settling';
    await this.#requeue(inFlight, 0).catch((err: unknown) => this.#logUnsettled(inFlight, err));
    this.#options.leases.untrack(inFlight);
  }

  /** Whether a record may still say that a job runs here. That is corrected if its message is received again. */
  get hasStaleRecords(): boolean {
    return this.#hasStaleRecords;
  }

  /** Whether this message was deleted after its lease had ended. SQS may then have kept it. */
  wasDeletedLate(messageId: string): boolean {
    return this.#deletedLate.has(messageId);
  }

  /** Deletes such a message when it is received again. Never rejects. */
  async deleteAgain(inFlight: InFlightMessage): Promise<void> {
    inFlight.phase = 'settling';
    await this.#delete(inFlight).catch((err: unknown) => this.#logUnsettled(inFlight, err));
    this.#options.leases.untrack(inFlight);
  }

  async #settleEnded(
    inFlight: InFlightMessage,
    { ending, log: writer, result }: EndedAttempt,
  ): Promise<void> {
    const { clock, rules, random, log } = this.#options;
    const job = jobIdOf(inFlight);
    const endedAtMs = clock.now();
    const ownRules = rulesFor(inFlight, rules);
    const outcome = decideOutcome(ending, countTries(inFlight, ownRules, endedAtMs), ownRules, random);
    this.#logEnd(inFlight, outcome);
    const exit = toExit(ending, result);
    const notNowMs = toNotNow(ending, inFlight, endedAtMs);
    inFlight.phase = 'ending';
    const tryLog = await writer?.end({ alone: outcome.state === undefined });
    inFlight.phase = 'settling';
    const written = await this.#record(
      inFlight,
      outcome,
      { ...exit, reason: outcome.reason, endedAtMs, notNowMs },
      tryLog,
    );
    if (written === 'taken-over')
      return log.warn({ job }, 'another agent has taken over the job: nothing was recorded');
    if (written === 'cancelled')
      log.info({ job }, 'the job is not tried again: its cancellation was requested');
    if (written === 'cancelled' || outcome.state === 'cancelled')
      return this.#withLane(inFlight, 'cancelled', this.#deleteCancelled(inFlight));
    const end = { ...exit, reason: outcome.reason, fence: inFlight.claim?.fence };
    return this.#withLane(inFlight, outcome.state, this.#applyFate(inFlight, outcome.action, end));
  }

  /** The next job of the group does not wait for the message of this one to be settled. */
  async #withLane(inFlight: InFlightMessage, state: Outcome['state'], settled: Promise<void>): Promise<void> {
    const { lanes } = this.#options;
    const ended = endedJob(inFlight, state);
    await Promise.all([settled, ended && lanes?.end(ended)]);
  }

  /** Settles the message of a job that could not be claimed, as the table's answer requires. */
  #settleNotClaimed(inFlight: InFlightMessage, claim: Exclude<Claim, { kind: 'claimed' }>): Promise<void> {
    const { clock, log } = this.#options;
    inFlight.phase = 'settling';
    if (claim.kind === 'running') {
      const leftMs = claim.untilMs - clock.now() + (clock.errorMs() ?? 0);
      const seconds = Math.ceil(leftMs / 1000) + 1;
      log.info(
        { job: jobIdOf(inFlight), seconds },
        'the job runs elsewhere: its message is hidden until that lease ends',
      );
      return this.#requeue(inFlight, seconds);
    }
    if (claim.kind === 'waiting') return Promise.resolve();
    if (claim.kind === 'stale') {
      log.info(
        { job: jobIdOf(inFlight) },
        'a message of an earlier release, or of a job that is held, is deleted',
      );
      return this.#delete(inFlight);
    }
    if (claim.kind === 'held') return this.#hold(inFlight, claim.record);
    if (claim.kind === 'refused') return this.#refuse(inFlight, claim);
    return this.#settleAgain(inFlight, claim.record);
  }

  /** Settles the message of a job that has ended before. */
  async #settleAgain(inFlight: InFlightMessage, record: JobRecord): Promise<void> {
    const { state, reason, exitStatus, signal, fence, removedAt, group } = record;
    this.#options.log.info(
      { job: jobIdOf(inFlight), state },
      'the job has ended already: its message is settled',
    );
    // The agent that wrote the end may have died before it freed the lane.
    if (group !== undefined) await this.#options.lanes?.end({ ...record, group });
    // An agent may have died after it had written the record. A refused message is dead-lettered too.
    const isDead = state === 'failed' || state === 'timed_out' || state === 'lost';
    const broken = inFlight.reading.kind === 'broken' ? inFlight.reading.reason : undefined;
    // Nothing is kept of a job that was cleaned up.
    if ((removedAt !== undefined || isSuperfluous(inFlight.message, record)) && !broken)
      return this.#delete(inFlight);
    if (state === 'cancelled' && !broken) return this.#deleteCancelled(inFlight);
    const fate: MessageAction = isDead || broken ? { to: 'dead-letter' } : { to: 'delete' };
    return this.#applyFate(inFlight, fate, { exitStatus, signal, reason: broken ?? reason, fence });
  }

  /** The job gets its place in its group. Its release sends a message of its own. */
  async #hold(inFlight: InFlightMessage, record: JobRecord): Promise<void> {
    const { lanes, bodies, log } = this.#options;
    const unusable = await bodies.hold(inFlight, record);
    if (unusable) {
      log.warn({ job: record.id, reason: unusable.reason }, 'a job could not be held');
      if (unusable.kind === 'not-started') return this.#requeue(inFlight, RETRY_HOLD_SECONDS);
      await lanes?.fail(record.id, unusable.reason);
      return this.#applyFate(inFlight, { to: 'dead-letter' }, { reason: unusable.reason });
    }
    if (await lanes?.place(record)) await this.#delete(inFlight);
    else await this.#requeue(inFlight, RETRY_HOLD_SECONDS);
  }

  /** The message does not belong to the job that it names. It becomes a dead letter by itself; no record is written. */
  #refuse(inFlight: InFlightMessage, claim: Extract<Claim, { kind: 'refused' }>): Promise<void> {
    const { log } = this.#options;
    const reason = inFlight.reading.kind === 'broken' ? inFlight.reading.reason : claim.reason;
    log.error({ job: jobIdOf(inFlight), message: inFlight.message.id, reason }, 'a message was refused');
    inFlight.reading = { kind: 'broken', id: claim.provenId ?? createOwnJobId(inFlight.message.id), reason };
    return this.#applyFate(inFlight, { to: 'dead-letter' }, { reason });
  }

  async #record(
    inFlight: InFlightMessage,
    outcome: Outcome,
    { endedAtMs, notNowMs, ...exit }: Exit & Pick<TryEnd, 'endedAtMs' | 'notNowMs'>,
    log: TryLog | undefined,
  ): Promise<WriteResult | 'cancelled'> {
    const { table } = this.#options;
    const { claim } = inFlight;
    const { state, action } = outcome;
    if (!table) return 'written';
    if (!claim || state === undefined) {
      // The claim's answer was lost, or the lease was.
      this.#hasStaleRecords = true;
      return 'written';
    }
    const id = jobIdOf(inFlight);
    const tries = endLastTry(claim, { ...exit, log, endedAt: new Date(endedAtMs).toISOString() });
    const delayMs = action.to === 'requeue' ? action.delaySeconds * 1000 : 0;
    const notBeforeMs = delayMs > 0 ? endedAtMs + delayMs : undefined;
    const refund = outcome.costsAttempt ? 0 : 1;
    const { release } = claim.grouped ?? {};
    const end: TryEnd = { ...exit, tries, endedAtMs, notBeforeMs, notNowMs, refund, release };
    return retrySettlement(this.#options, inFlight, 'recorded', () =>
      state === 'queued' ? table.requeue(id, claim.fence, end) : table.finish(id, claim.fence, state, end),
    );
  }

  async #applyFate(inFlight: InFlightMessage, fate: MessageAction, end: JobEnd): Promise<void> {
    switch (fate.to) {
      case 'leave':
        return;
      case 'delete':
        return this.#delete(inFlight);
      case 'requeue':
        return this.#requeue(inFlight, fate.delaySeconds);
      case 'dead-letter':
        return this.#deadLetter(inFlight, end);
    }
  }

  async #delete(inFlight: InFlightMessage): Promise<void> {
    const { leases, log, table } = this.#options;
    const isLate = leases.hasEnded(inFlight);
    // Without a record only the lease keeps the job from running again.
    const maxRetryMs = table ? SETTLEMENT_RETRY_MS : Number.POSITIVE_INFINITY;
    const remove = () => this.#removals.add(inFlight);
    try {
      await retrySettlement(this.#options, inFlight, 'deleted', remove, maxRetryMs);
    } catch (err) {
      if (!table) throw err;
      log.error(
        { job: jobIdOf(inFlight), err },
        'the message of a job cannot be deleted: that is tried again later',
      );
      return this.#hideForLong(inFlight);
    }
    // SQS accepts an outdated receipt handle, and deletes nothing.
    if (!isLate) return;
    log.warn({ job: jobIdOf(inFlight) }, 'deleted after its lease had ended: the message may come again');
    this.#rememberDeletedLate(inFlight.message.id);
  }

  /** Keeps the body of a cancelled job, so that it can be retried: a long body is only in the message. */
  async #deleteCancelled(inFlight: InFlightMessage): Promise<void> {
    await this.#options.bodies.keep(inFlight);
    await this.#delete(inFlight);
  }

  #rememberDeletedLate(messageId: string): void {
    const [oldest] = this.#deletedLate;
    if (this.#deletedLate.size >= MAX_DELETED_LATE && oldest !== undefined) this.#deletedLate.delete(oldest);
    this.#deletedLate.add(messageId);
  }

  async #deadLetter(
    inFlight: InFlightMessage,
    { reason = 'unknown', exitStatus, signal, fence }: JobEnd,
  ): Promise<void> {
    const { queue, clock, log, bodies, table, stopping } = this.#options;
    const job = jobIdOf(inFlight);
    if (!queue.hasDeadLetterQueue) {
      log.error({ job, reason }, 'the job has failed, but there is no dead-letter queue: its message stays');
      return this.#hideForLong(inFlight);
    }
    const exit = exitStatus === undefined ? signal : `${exitStatus}`;
    // The earliest possible time: a message that was sent before it counts as superfluous (`isSuperfluous`).
    const atMs = clock.now() - (clock.errorMs() ?? 0);
    await bodies.keep(inFlight);
    const deadLetter = { jobId: job, reason, ...(exit === undefined ? {} : { exit }) };
    try {
      const copy = () => queue.copyToDeadLetters(inFlight.message, deadLetter);
      // Without a record an agent that stops hides the message at once: nothing else keeps the job from running again.
      const maxRetryMs = (error: Error) =>
        !table && stopping() ? 0 : deadLetterRetryMs(table !== undefined, classifyRefusal(error));
      await retrySettlement(this.#options, inFlight, 'dead-lettered', copy, maxRetryMs);
    } catch (err) {
      log.error(
        { job, reason, err },
        'the job has failed, but the dead-letter queue refuses it: that is tried again later',
      );
      await this.#noteInRecord(inFlight, fence, 'why it is not a dead letter', (table, id, claimFence) =>
        table.writeDeadLetterError(id, claimFence, String(err)),
      );
      return this.#hideForLong(inFlight);
    }
    await this.#noteInRecord(inFlight, fence, 'that it is a dead letter', (table, id, claimFence) =>
      table.writeDeadLettered(id, claimFence, atMs),
    );
    await this.#delete(inFlight);
  }

  /** Without the note another message of the job becomes a dead letter too. A broken message may name another's job. */
  async #noteInRecord(
    inFlight: InFlightMessage,
    fence: string | undefined,
    what: string,
    note: (table: JobTable, id: string, fence: string) => Promise<void>,
  ): Promise<void> {
    const { table, log } = this.#options;
    if (!table || fence === undefined || inFlight.reading.kind === 'broken') return;
    const job = jobIdOf(inFlight);
    await note(table, job, fence).catch((err: unknown) =>
      log.warn({ job, err }, `the record of a job does not say ${what}`),
    );
  }

  /**
   * Hides a message that cannot be settled. With its lease alone it would be received again and again, before the instance
   * has been idle long enough to retire.
   */
  #hideForLong(inFlight: InFlightMessage): Promise<void> {
    const { table } = this.#options;
    return this.#requeue(inFlight, invisibleMs(inFlight.message.receiveCount, table !== undefined) / 1000);
  }

  async #requeue(inFlight: InFlightMessage, delaySeconds: number): Promise<void> {
    const { leases, clock } = this.#options;
    // A pending extension would hide the message again.
    await leases.untrackAndWait(inFlight);
    const seconds = extensionSeconds(Math.ceil(delaySeconds), clock.monotonic() - inFlight.receivedAtMs);
    await retrySettlement(this.#options, inFlight, 'requeued', () =>
      this.#hidings.add({ inFlight, seconds }),
    );
  }

  #logUnsettled(inFlight: InFlightMessage, err: unknown): void {
    const message = 'the job could not be settled with the queue: it is received again when its lease ends';
    this.#options.log.error({ job: jobIdOf(inFlight), err }, message);
  }

  #logEnd(inFlight: InFlightMessage, { state, reason }: Outcome): void {
    const level = state === undefined ? 'error' : LEVELS[state];
    this.#options.log[level](
      { job: jobIdOf(inFlight), attempt: countAttempts(inFlight), state, reason },
      'job ended',
    );
  }
}

/**
 * Whether another message of the job is a dead letter already. A message that was sent later may be that dead letter,
 * redriven by SQS, if its attributes had no room for the job's id.
 */
function isSuperfluous({ sentAtMs = Number.NaN }: Message, { deadLetteredAt = '' }: JobRecord): boolean {
  return sentAtMs < Date.parse(deadLetteredAt);
}

/** How a job ended, and the fence of its claim. */
type JobEnd = Exit & { fence?: string | undefined };
