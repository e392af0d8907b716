import { ConditionalCheckFailedException, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { bodyInRecord } from './body-in-record.ts';
import { JobEndings, ownedBy, type Written } from './endings.ts';
import { expiryOfCancelled } from './expiry.ts';
import { toItem } from './item.ts';
import { itemKey, jobKey } from './keys.ts';
import { listedAtOf, listedOf, runningOf } from './listing.ts';
import { tryKey } from './log-layout.ts';
import { ownId } from '../jobs/message.ts';
import {
  CANCELLED,
  type JobRecord,
  type JobState,
  labelOf,
  TERMINAL_STATES,
  type Try,
  type TryLog,
} from '../jobs/record.ts';
import { redriveChange, whyNotRedriven } from './redriven.ts';
import { areOverlong, boundedTries } from '../jobs/tries.ts';
import type { Change } from './update.ts';

/** What an agent tells of a job when it claims it. */
export interface ClaimRequest {
  id: string;
  messageId: string;
  instance: string;
  /** Unique for each claim; every later write of this try must match it. */
  fence: string;
  /** AWS's time, and by how much it may be another: a lease counts as over when it is over at any rate. */
  nowMs: number;
  errorMs?: number | undefined;
  leaseUntilMs: number;
  enqueuedAtMs: number;
  group?: string | undefined;
  /** Kept if the record has none. */
  label?: string | undefined;
  requestId?: string | undefined;
  limitSeconds?: number | undefined;
  retryOf?: string | undefined;
  /** The message's. That of the record, if it has one, must be the same. */
  nonce?: string | undefined;
  /** Why the claim is refused if the job has no record. */
  needsRecord?: string | undefined;
  /** A record without a nonce will not do. */
  needsNonce?: boolean | undefined;
  /** Why the claim is refused if the record does not have this `limitSeconds` already. */
  overLimit?: string | undefined;
  /** What the worker reads, as far as a record keeps it. */
  body?: string | undefined;
  /** Whether there can hardly be a record yet. Wrong, it costs a write. */
  isNew?: boolean | undefined;
}

export type Claim =
  /** `tries`: the new one is the last. `leaseUntilMs`: what the table says, by whichever try of the call it was written. */
  | {
      kind: 'claimed';
      attempts: number;
      tries: Try[];
      leaseUntilMs: number | undefined;
      /** What its worker is told. */
      label?: string | undefined;
      /** Of the job's body in the bucket, if its record has one. */
      bodyDigest?: string | undefined;
    }
  /** The job has ended: its message is a repetition, or its agent died before it could delete it. */
  | { kind: 'ended'; record: JobRecord }
  /** Someone else runs it, until then at least. */
  | { kind: 'running'; untilMs: number }
  /** It may not run now (its group is busy, its batch is not released). */
  | { kind: 'waiting'; state: JobState }
  /**
   * The message is not to be believed, and no record was changed: why. `provenId`: it is a dead letter of this job, but not
   * to be redriven. `fails`: it is the job's own message, and the job can never run.
   */
  | { kind: 'refused'; reason: string; provenId?: string; fails?: boolean };

/** The job table as those use it who run jobs: who takes a job, and what becomes of it until its try ends. */
export class JobTable extends JobEndings {
  /**
   * Takes a job that is new, queued, or whose last lease has ended, and counts the attempt. One that was to be
   * cancelled when its lease ended is cancelled instead.
   */
  async claim(request: ClaimRequest): Promise<Claim> {
    const { id, fence, nowMs, errorMs = 0, isNew, nonce, leaseUntilMs: asked } = request;
    const earliestMs = nowMs - errorMs;
    const redriven = request.retryOf === undefined ? {} : await this.#redriven(request, request.retryOf);
    if ('kind' in redriven) return redriven;
    const change = claimChange({ ...request, ...redriven });
    if (isNew && !unrecorded(request) && (await this.#create(id, change))) {
      const { tries } = change.append;
      const label = labelOf({ label: change.setOnce.label, group: change.set.group });
      return { kind: 'claimed', attempts: 1, tries, leaseUntilMs: asked, label };
    }
    const claimed = await this.updateAndGet(id, change);
    if (claimed) return this.#claimed(claimed, fence);
    const record = await this.get(id);
    // Gone between the two calls (its time to live): free again.
    if (!record) return unrecorded(request) ?? this.claim(request);
    if (record.nonce !== nonce) {
      // Queued by an earlier version, or by a producer that keeps no records.
      if (record.nonce === undefined && !request.needsNonce)
        return this.claim({ ...request, nonce: undefined });
      return { kind: 'refused', reason: `the message is not the one that job ${id} was enqueued with` };
    }
    const { state, leaseUntilMs = earliestMs } = record;
    if (TERMINAL_STATES.has(state)) return { kind: 'ended', record };
    if (state === 'running' && record.fence === fence) return this.#claimed(record, fence);
    if (state === 'running' && leaseUntilMs >= earliestMs) return { kind: 'running', untilMs: leaseUntilMs };
    // Held; or this very claim was handed back already, and what asks once more comes too late.
    if ((state !== 'running' && state !== 'queued') || record.fence === fence)
      return { kind: 'waiting', state };
    if (isOverLimit(request, record))
      return { kind: 'refused', reason: request.overLimit ?? '', fails: nonce !== undefined };
    if (record.cancelRequestedAt === undefined) return this.claim(request);
    const cancelled = await this.updateAndGet(id, this.#cancellation(id, nowMs, earliestMs));
    return cancelled ? { kind: 'ended', record: cancelled } : this.claim(request);
  }

  /** Takes back a claim that may have been written or not: no try, no attempt. */
  async unclaim(id: string, fence: string, nowMs: number): Promise<void> {
    const record = await this.get(id);
    if (record?.state !== 'running' || record.fence !== fence) return;
    await this.handBack(id, fence, { endedAtMs: nowMs, refund: 1, tries: record.tries?.slice(0, -1) });
  }

  /** Extends the lease of a running try. `cancel-requested`: it is written, and somebody wants the job to end. */
  async renew(id: string, fence: string, leaseUntilMs: number): Promise<Written | 'cancel-requested'> {
    const record = await this.updateAndGet(id, { ...ownedBy(fence), set: { leaseUntilMs } });
    if (!record) return 'taken-over';
    return record.cancelRequestedAt === undefined ? 'written' : 'cancel-requested';
  }

  /**
   * Tells of the output of a try that runs.
   *
   * @param index of the try in the `tries` of its claim
   */
  async noteLog(id: string, fence: string, index: number, log: TryLog): Promise<Written> {
    const done = await this.update(id, { ...ownedBy(fence), set: { [`tries[${index}].log`]: log } });
    return done ? 'written' : 'taken-over';
  }

  /** Says where the body lies that the record is too small for. Whatever state the job is in; no record, no note. */
  async noteBody(id: string, bodyKey: string, bodyDigest?: string): Promise<void> {
    const condition = 'attribute_exists(#pk) AND attribute_not_exists(#bodyKey)';
    await this.update(id, { condition, set: { bodyKey, bodyDigest } });
  }

  /** Says, once, that the message of a job which ended under this claim is in the dead-letter queue. */
  async noteDeadLetter(id: string, fence: string, nowMs: number): Promise<void> {
    const condition = '#fence = :fence AND attribute_not_exists(#deadLetteredAt)';
    const set = { deadLetteredAt: new Date(nowMs).toISOString() };
    await this.update(id, { condition, values: { ':fence': fence }, set, remove: ['deadLetterError'] });
  }

  /** Says why the message of a job which ended under this claim is not in the dead-letter queue yet. */
  async noteDeadLetterError(id: string, fence: string, error: string): Promise<void> {
    const condition = '#fence = :fence AND attribute_not_exists(#deadLetteredAt)';
    await this.update(id, { condition, values: { ':fence': fence }, set: { deadLetterError: error } });
  }

  /**
   * Whether a dead letter that was brought back may run as a new job: that of a job which ended so, and once. If it may, the
   * record of the old job names the new one, which has its label.
   */
  async #redriven(
    { id, nonce, limitSeconds, overLimit }: ClaimRequest,
    oldId: string,
  ): Promise<Extract<Claim, { kind: 'refused' }> | Pick<ClaimRequest, 'label'>> {
    // It was believed before.
    if (await this.get(id)) return {};
    const longLimit = overLimit === undefined ? undefined : limitSeconds;
    const repeated = await this.updateAndGet(oldId, redriveChange(id, nonce, longLimit));
    if (repeated) return repeated.label === undefined ? {} : { label: repeated.label };
    const old = await this.get(oldId);
    const isProven = nonce !== undefined && old?.nonce === nonce;
    return {
      kind: 'refused',
      reason: `the message says that it is a dead letter of job ${oldId}, ${whyNotRedriven(old, nonce)}`,
      ...(isProven && { provenId: oldId }),
    };
  }

  async #claimed(record: JobRecord, fence: string): Promise<Claim> {
    const { id, attempts, tries = [], leaseUntilMs, bodyDigest } = record;
    const kept = { bodyDigest, label: labelOf(record) };
    if (!areOverlong(tries)) return { kind: 'claimed', attempts, tries, leaseUntilMs, ...kept };
    const bounded = boundedTries(tries);
    await this.update(id, { ...ownedBy(fence), set: { tries: bounded } });
    return { kind: 'claimed', attempts, tries: bounded, leaseUntilMs, ...kept };
  }

  /** Of a job that nobody runs any more. */
  #cancellation(id: string, nowMs: number, earliestMs: number): Change {
    return {
      condition: claimable('attribute_exists(#cancelRequestedAt)'),
      values: { ':queued': 'queued', ':running': 'running', ':now': earliestMs },
      set: {
        state: 'cancelled',
        listed: listedOf('cancelled', id),
        reason: CANCELLED,
        endedAt: new Date(nowMs).toISOString(),
        expires: expiryOfCancelled(nowMs, this.recordSeconds),
      },
      remove: ['listing', 'leaseUntilMs'],
    };
  }

  /**
   * Writes what the claim would make of no record: in half the time of an update, whose words are most of it. False: there
   * is a record; or this agent may not put (any more: its stack was rolled back).
   */
  async #create(id: string, { set, setOnce, append, add }: ReturnType<typeof claimChange>): Promise<boolean> {
    try {
      await this.client.send(
        new PutItemCommand({
          TableName: this.table,
          Item: { ...itemKey(jobKey(id)), ...toItem({ ...set, ...setOnce, ...append, ...add }) },
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException || isDenied(error)) return false;
      throw error;
    }
  }
}

const isDenied = (error: unknown) => error instanceof Error && error.name === 'AccessDeniedException';

/**
 * That nobody runs a job, and this as well. AND binds closer than OR, and without parentheses the parsers of table
 * stand-ins take a twentieth of the time: this is the condition of every claim.
 */
function claimable(and: string): string {
  return `#state = :queued AND ${and} OR #state = :running AND #leaseUntilMs < :now AND ${and}`;
}

/** Of a dead letter that runs again, the record of the old job has the limit. */
function needsItsLimit({ overLimit, retryOf }: ClaimRequest): boolean {
  return overLimit !== undefined && retryOf === undefined;
}

const HAS_LIMIT = '#limitSeconds = :set_limitSeconds AND attribute_not_exists(#limitUnchecked)';

function isOverLimit(request: ClaimRequest, { limitSeconds, limitUnchecked }: JobRecord): boolean {
  return needsItsLimit(request) && (limitUnchecked === true || limitSeconds !== request.limitSeconds);
}

/** Why a job that has no record is not this message's to make. */
function unrecorded(request: ClaimRequest): Extract<Claim, { kind: 'refused' }> | undefined {
  const { id, messageId, needsRecord, overLimit = '' } = request;
  if (needsRecord !== undefined) return { kind: 'refused', reason: needsRecord };
  if (!needsItsLimit(request)) return undefined;
  return { kind: 'refused', reason: overLimit, fails: id === ownId(messageId) };
}

function claimChange(request: ClaimRequest) {
  const { id, messageId, instance, fence, nowMs, errorMs = 0, leaseUntilMs, enqueuedAtMs, body } = request;
  const { group, label, requestId, limitSeconds, retryOf, nonce } = request;
  const startedAt = new Date(nowMs).toISOString();
  const enqueuedAt = new Date(enqueuedAtMs).toISOString();
  const isFree = unrecorded(request) ? '' : 'attribute_not_exists(#pk) OR ';
  const isBound = nonce === undefined ? 'attribute_not_exists(#nonce)' : '#nonce = :nonce';
  const isAllowed = needsItsLimit(request) ? ` AND ${HAS_LIMIT}` : '';
  return {
    // A claim counts once, however late a repetition of it arrives.
    condition: `${isFree}${claimable(`attribute_not_exists(#cancelRequestedAt) AND NOT #fence = :set_fence AND ${isBound}${isAllowed}`)}`,
    values: { ':queued': 'queued', ':running': 'running', ':now': nowMs - errorMs, ':nonce': nonce },
    set: {
      id,
      messageId,
      instance,
      fence,
      leaseUntilMs,
      group,
      requestId,
      limitSeconds,
      startedAt,
      listed: runningOf(instance),
      state: 'running',
    },
    setOnce: {
      enqueuedAt,
      listedAt: listedAtOf(enqueuedAt, id),
      ...(body !== undefined && bodyInRecord(body)),
      label,
      retryOf,
      ...(retryOf && { nonce }),
    },
    append: { tries: [{ key: tryKey(nowMs, fence), instance, startedAt }] },
    add: { attempts: 1 },
    remove: ['endedAt', 'exitStatus', 'signal', 'reason', 'expires', 'notBefore', 'listing'],
  } satisfies Change;
}
