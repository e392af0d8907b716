import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import type { TryEnd, Written } from '../../store/endings.ts';
import { ownId } from '../../jobs/message.ts';
import { type Ending, type Fate, type Outcome, outcomeOf, type RetryRules } from '../../jobs/outcome.ts';
import { EntryError, type JobQueue, type Message } from '../../store/queue.ts';
import type { JobRecord, Try, TryLog } from '../../jobs/record.ts';
import type { Claim, JobTable } from '../../store/table.ts';
import { extensionSeconds } from '../../policy/lease.ts';
import { refusalKind } from '../../policy/refusal.ts';
import { deadLetterPatienceMs, hidingMs, SETTLEMENT_PATIENCE_MS } from '../../policy/refused-settlement.ts';
import { type Attempted, attemptsOf } from './attempt.ts';
import { Batcher } from './batcher.ts';
import type { Bodies } from './bodies.ts';
import { type Held, jobIdOf } from './held.ts';
import type { Leases } from './leases.ts';
import type { TryLogWriter } from '../log/try-log-writer.ts';
import { persist } from '../../lib/persist.ts';

export interface SettlerOptions {
  queue: JobQueue;
  leases: Leases;
  table: JobTable | undefined;
  bodies: Bodies;
  rules: RetryRules;
  leaseSeconds: number;
  clock: Clock;
  random: () => number;
  log: Log;
  /** The agent has to go. */
  stopping: () => boolean;
}

/** How long to go on trying after the lease has ended; the job's record, if any, still guards it then. */
const PATIENCE_MS = 5 * 60_000;

const MOST_REMEMBERED = 1000;

/** Errors after which the same call can never succeed. */
const FINAL = new Set(['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue']);

/** What the log says of a try that did not succeed goes by how bad it is for the job. */
const LEVELS = {
  succeeded: 'info',
  queued: 'warn',
  cancelled: 'info',
  failed: 'error',
  timed_out: 'error',
  lost: 'error',
} as const;

/**
 * Brings the end of a try to the table and then to the queue, in this order: an agent that dies in between leaves a
 * record that says what is to become of the message. Goes on until it is done; what can be retried is.
 */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #deletedLate = new Set<string>();
  #leftBehind = false;
  readonly #removals: Batcher<Held>;
  readonly #hidings: Batcher<{ held: Held; seconds: number }>;

  constructor(options: SettlerOptions) {
    this.#options = options;
    const { queue } = options;
    this.#removals = new Batcher((batch) => queue.remove(batch.map((held) => held.receiptHandle)));
    this.#hidings = new Batcher((batch) =>
      queue.hide(batch.map(({ held, seconds }) => ({ receiptHandle: held.receiptHandle, seconds }))),
    );
  }

  /** Never rejects: a message that could not be settled comes again by itself, and the log says so. */
  async settle(held: Held, attempted: Attempted): Promise<void> {
    try {
      if (attempted.kind === 'ended') await this.#settleEnded(held, attempted.ending, attempted.log);
      else await this.#settleNotClaimed(held, attempted.claim);
    } catch (err) {
      this.#leftBehind = true;
      this.#logUnsettled(held, err);
    } finally {
      this.#options.leases.letGo(held);
    }
  }

  /** Back to the queue, untouched: for what was received but never begun. Never rejects. */
  async putBack(held: Held): Promise<void> {
    held.phase = 'settling';
    await this.#handBack(held, 0).catch((err: unknown) => this.#logUnsettled(held, err));
    this.#options.leases.letGo(held);
  }

  /** Whether a record may say of a job that it runs here still. Its message sets that right, if it comes again. */
  get leftBehind(): boolean {
    return this.#leftBehind;
  }

  /** Whether this message was deleted when its lease had ended, so that SQS may not have deleted it. */
  wasDeletedLate(messageId: string): boolean {
    return this.#deletedLate.has(messageId);
  }

  /** Deletes such a message when it comes again. Never rejects. */
  async deleteAgain(held: Held): Promise<void> {
    held.phase = 'settling';
    await this.#delete(held).catch((err: unknown) => this.#logUnsettled(held, err));
    this.#options.leases.letGo(held);
  }

  async #settleEnded(held: Held, ending: Ending, writer: TryLogWriter | undefined): Promise<void> {
    const { clock, rules, random } = this.#options;
    const { receiveCount, sentAtMs } = held.message;
    const ageSeconds = sentAtMs === undefined ? 0 : (clock.now() - sentAtMs) / 1000;
    const tries = { attempts: attemptsOf(held), receiveCount, ageSeconds };
    const outcome = outcomeOf(ending, { ...tries, ...ofEarlierTries(held, rules) }, rules, random);
    this.#logEnd(held, outcome);
    const exit = exitOf(ending);
    const endedAtMs = clock.now();
    held.phase = 'ending';
    const log = await writer?.end({ alone: outcome.state === undefined });
    held.phase = 'settling';
    const written = await this.#record(held, outcome, { ...exit, reason: outcome.reason, endedAtMs }, log);
    if (written === 'taken-over') {
      this.#options.log.warn(
        { job: jobIdOf(held) },
        'another agent has taken the job over: nothing was recorded',
      );
    } else if (written === 'cancelled') {
      this.#options.log.info({ job: jobIdOf(held) }, 'the job is not tried again: it was to be cancelled');
      await this.#deleteCancelled(held);
    } else if (outcome.state === 'cancelled') {
      await this.#deleteCancelled(held);
    } else {
      await this.#meet(held, outcome.fate, { ...exit, reason: outcome.reason, fence: held.claim?.fence });
    }
  }

  /** What the table says of a job that could not be claimed decides over its message. */
  #settleNotClaimed(held: Held, claim: Exclude<Claim, { kind: 'claimed' }>): Promise<void> {
    const { clock, log } = this.#options;
    held.phase = 'settling';
    if (claim.kind === 'running') {
      const leftMs = claim.untilMs - clock.now() + (clock.errorMs() ?? 0);
      const seconds = Math.ceil(leftMs / 1000) + 1;
      log.info(
        { job: jobIdOf(held), seconds },
        'the job runs elsewhere: its message is left until that lease ends',
      );
      return this.#handBack(held, seconds);
    }
    if (claim.kind === 'waiting') return Promise.resolve();
    if (claim.kind === 'refused') return this.#refuse(held, claim);
    const { state, reason, exitStatus, signal, fence, removedAt } = claim.record;
    log.info({ job: jobIdOf(held), state }, 'the job has ended already: its message is settled');
    // An agent may have died between the record and the message; a refusal is final for this very message too.
    const dead = state === 'failed' || state === 'timed_out' || state === 'lost';
    const broken = held.reading.kind === 'broken' ? held.reading.reason : undefined;
    // Who cleaned it up wants nothing of it to be kept.
    if ((removedAt !== undefined || isOneTooMany(held.message, claim.record)) && !broken)
      return this.#delete(held);
    if (state === 'cancelled' && !broken) return this.#deleteCancelled(held);
    const fate: Fate = dead || broken ? { to: 'dead-letter' } : { to: 'delete' };
    return this.#meet(held, fate, { exitStatus, signal, reason: broken ?? reason, fence });
  }

  /** What a message says of itself is not true: it becomes a dead letter of its own, and no record is written. */
  #refuse(held: Held, claim: Extract<Claim, { kind: 'refused' }>): Promise<void> {
    const { log } = this.#options;
    const reason = held.reading.kind === 'broken' ? held.reading.reason : claim.reason;
    log.error({ job: jobIdOf(held), message: held.message.id, reason }, 'a message was refused');
    held.reading = { kind: 'broken', id: claim.provenId ?? ownId(held.message.id), reason };
    return this.#meet(held, { to: 'dead-letter' }, { reason });
  }

  async #record(
    held: Held,
    outcome: Outcome,
    { endedAtMs, ...exit }: Exit & { endedAtMs: number },
    log: TryLog | undefined,
  ): Promise<Written | 'cancelled'> {
    const { table } = this.#options;
    const { claim } = held;
    const { state, fate } = outcome;
    if (!table) return 'written';
    if (!claim || state === undefined) {
      // A claim whose answer was lost, or a lease.
      this.#leftBehind = true;
      return 'written';
    }
    const id = jobIdOf(held);
    const tries = triesOf(claim, { ...exit, log, endedAt: new Date(endedAtMs).toISOString() });
    const delayMs = fate.to === 'requeue' ? fate.delaySeconds * 1000 : 0;
    const notBeforeMs = delayMs > 0 ? endedAtMs + delayMs : undefined;
    const end: TryEnd = { ...exit, tries, endedAtMs, notBeforeMs, refund: outcome.costsAttempt ? 0 : 1 };
    return this.#untilDone(held, 'recorded', () =>
      state === 'queued' ? table.handBack(id, claim.fence, end) : table.finish(id, claim.fence, state, end),
    );
  }

  async #meet(held: Held, fate: Fate, end: JobEnd): Promise<void> {
    switch (fate.to) {
      case 'leave':
        return;
      case 'delete':
        return this.#delete(held);
      case 'requeue':
        return this.#handBack(held, fate.delaySeconds);
      case 'dead-letter':
        return this.#bury(held, end);
    }
  }

  async #delete(held: Held): Promise<void> {
    const { leases, log, table } = this.#options;
    const late = leases.hasEnded(held);
    // Without a record only the lease keeps the job from another run.
    const patienceMs = table ? SETTLEMENT_PATIENCE_MS : Number.POSITIVE_INFINITY;
    try {
      await this.#untilDone(held, 'deleted', () => this.#removals.add(held), patienceMs);
    } catch (err) {
      if (!table) throw err;
      log.error({ job: jobIdOf(held), err }, 'its message cannot be deleted: it is tried again');
      return this.#hide(held);
    }
    // SQS accepts a handle that no longer counts, and deletes nothing.
    if (!late) return;
    log.warn({ job: jobIdOf(held) }, 'deleted after its lease had ended: the message may come again');
    this.#remember(held.message.id);
  }

  /** An operator may think better of it: its message is all that there is of a long body. */
  async #deleteCancelled(held: Held): Promise<void> {
    await this.#options.bodies.keep(held);
    await this.#delete(held);
  }

  #remember(messageId: string): void {
    const [oldest] = this.#deletedLate;
    if (this.#deletedLate.size >= MOST_REMEMBERED && oldest !== undefined) this.#deletedLate.delete(oldest);
    this.#deletedLate.add(messageId);
  }

  async #bury(held: Held, { reason = 'unknown', exitStatus, signal, fence }: JobEnd): Promise<void> {
    const { queue, clock, log, bodies, table, stopping } = this.#options;
    const job = jobIdOf(held);
    if (!queue.hasDeadLetterQueue) {
      log.error({ job, reason }, 'given up, but there is no dead-letter queue: the message stays in its own');
      return this.#hide(held);
    }
    const exit = exitStatus === undefined ? signal : `${exitStatus}`;
    // Not later than it was: a message that was sent before another is one too many (`isOneTooMany`).
    const atMs = clock.now() - (clock.errorMs() ?? 0);
    await bodies.keep(held);
    const epitaph = { jobId: job, reason, ...(exit === undefined ? {} : { exit }) };
    try {
      const copy = () => queue.copyToDeadLetters(held.message, epitaph);
      // Who goes hides what has no record: nothing else keeps the job from another run.
      const patienceMs = (error: Error) =>
        !table && stopping() ? 0 : deadLetterPatienceMs(table !== undefined, refusalKind(error));
      await this.#untilDone(held, 'dead-lettered', copy, patienceMs);
    } catch (err) {
      log.error(
        { job, reason, err },
        'given up, but the dead-letter queue does not take it: it is tried again',
      );
      await this.#noteInRecord(held, fence, 'why it is no dead letter', (table, id, own) =>
        table.noteDeadLetterError(id, own, String(err)),
      );
      return this.#hide(held);
    }
    await this.#noteInRecord(held, fence, 'that it is a dead letter', (table, id, own) =>
      table.noteDeadLetter(id, own, atMs),
    );
    await this.#delete(held);
  }

  /** Without it another message of the job becomes a dead letter too. Of a broken message the id names another job. */
  async #noteInRecord(
    held: Held,
    fence: string | undefined,
    what: string,
    note: (table: JobTable, id: string, fence: string) => Promise<void>,
  ): Promise<void> {
    const { table, log } = this.#options;
    if (!table || fence === undefined || held.reading.kind === 'broken') return;
    const job = jobIdOf(held);
    await note(table, job, fence).catch((err: unknown) =>
      log.warn({ job, err }, `the record of a job does not say ${what}`),
    );
  }

  /**
   * Hands back what cannot be settled, for a while. Left to its lease it would come again each time before the instance
   * has been idle long enough to go.
   */
  #hide(held: Held): Promise<void> {
    const { table } = this.#options;
    return this.#handBack(held, hidingMs(held.message.receiveCount, table !== undefined) / 1000);
  }

  async #handBack(held: Held, delaySeconds: number): Promise<void> {
    const { leases, clock } = this.#options;
    // An extension that is answered later would hide the message again.
    await leases.release(held);
    const seconds = extensionSeconds(Math.ceil(delaySeconds), clock.monotonic() - held.receivedAtMs);
    await this.#untilDone(held, 'handed back', () => this.#hidings.add({ held, seconds }));
  }

  /** @param patienceMs for how long, if not for as long as the message can be held */
  #untilDone<Result>(
    held: Held,
    what: string,
    task: () => Promise<Result>,
    patienceMs: number | ((error: Error) => number) = Number.POSITIVE_INFINITY,
  ): Promise<Result> {
    const { clock, random, log } = this.#options;
    const startMs = clock.monotonic();
    const patienceFor = (error: Error) => (typeof patienceMs === 'number' ? patienceMs : patienceMs(error));
    const isOver = (nowMs: number, error: Error) =>
      nowMs > held.lease.endsAtMs + PATIENCE_MS || nowMs - startMs >= patienceFor(error);
    return persist(task, {
      clock,
      random,
      hopeless: (error) => isFinal(error) || isOver(clock.monotonic(), error as Error),
      onFailure: (err, tries) =>
        log.warn({ job: jobIdOf(held), err, tries }, `a job could not be ${what} yet`),
    });
  }

  #logUnsettled(held: Held, err: unknown): void {
    const message = 'the job could not be settled with the queue: it comes again when its lease ends';
    this.#options.log.error({ job: jobIdOf(held), err }, message);
  }

  #logEnd(held: Held, { state, reason }: Outcome): void {
    const level = state === undefined ? 'error' : LEVELS[state];
    this.#options.log[level]({ job: jobIdOf(held), attempt: attemptsOf(held), state, reason }, 'job ended');
  }
}

/** An entry that is itself at fault stays so: its handle counts no more, and the message is no longer ours. */
function isFinal(error: unknown): boolean {
  if (error instanceof EntryError) return error.senderFault;
  return error instanceof Error && FINAL.has(error.name);
}

/**
 * Whether another message of the job is a dead letter already. One that was sent later may be that very letter, brought
 * back by SQS's own redrive where there was no room to say whose it is.
 */
function isOneTooMany({ sentAtMs = Number.NaN }: Message, { deadLetteredAt = '' }: JobRecord): boolean {
  return sentAtMs < Date.parse(deadLetteredAt);
}

/** How a worker ended, as a record and a dead letter tell it. */
type Exit = Pick<TryEnd, 'exitStatus' | 'signal' | 'reason'> & Pick<Try, 'slotLost' | 'unhealthy'>;

/** How a job ended, and the claim that it ended under. */
type JobEnd = Exit & { fence?: string | undefined };

function exitOf(ending: Ending): Exit {
  if (ending.kind === 'exited') return { exitStatus: ending.status };
  if (ending.kind === 'unhealthy') return { ...exitOf(ending.end), unhealthy: true };
  if (ending.kind === 'slot-lost') return { slotLost: true };
  return ending.kind === 'signalled' ? { signal: ending.signal } : {};
}

/**
 * How earlier tries ended that need not have cost an attempt. Where only SQS counts, each of them may have lost its slot, and
 * those beyond the attempts cost none.
 */
function ofEarlierTries(
  { claim, message: { receiveCount } }: Held,
  { maxAttempts }: RetryRules,
): { slotsLost: number; unhealthy: number } {
  if (!claim) return { slotsLost: receiveCount - 1, unhealthy: Math.max(0, receiveCount - maxAttempts) };
  return {
    slotsLost: claim.tries.filter(({ slotLost }) => slotLost).length,
    unhealthy: claim.tries.filter(({ unhealthy }) => unhealthy).length,
  };
}

/** The job's tries with the end of the last one. */
function triesOf({ attempts, tries }: NonNullable<Held['claim']>, end: Undefinable<Partial<Try>>): Try[] {
  const last = tries.at(-1);
  return last ? [...tries.slice(0, -1), { ...last, ...end, attempt: attempts } as Try] : [];
}

type Undefinable<T> = { [Key in keyof T]: T[Key] | undefined };
