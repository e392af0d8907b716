import { ConditionalCheckFailedException, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CANCELLED_REASON, findLabel, type JobRecord, TERMINAL_STATES, type TryLog } from '../jobs/record.ts';
import { areOverlong, boundTries } from '../jobs/tries.ts';
import { createBodyAttributes } from './body-in-record.ts';
import { tryKey } from './bucket-keys.ts';
import {
  type Claim,
  type ClaimRequest,
  type GroupedClaim,
  needsItsLimit,
  selectRepeatedFields,
  whyNotCreated,
} from './claim.ts';
import { expiryOfCancelled } from './expiry.ts';
import { HeldJobs } from './held-jobs.ts';
import { holdJob } from './hold.ts';
import { toItem } from './item.ts';
import { JobEndings, ownedByClaim, type WriteResult } from './job-endings.ts';
import { itemKey, jobKey } from './keys.ts';
import { listingSortKey, runningPartition, statePartition } from './partitions.ts';
import { createRedriveChange, explainRefusedRedrive } from './redrive.ts';
import type { Change } from './update-expression.ts';

/** The job table for agents: claims, renewals and notes about a try, up to its end. */
export class JobTable extends JobEndings {
  /** The records of jobs that a group holds. */
  readonly held = new HeldJobs(this.client, this.table, this.recordSeconds);

  /**
   * Claims a job that is new, queued, or whose last lease has expired, and counts the attempt. If somebody cancelled the job
   * and its lease expired, it is cancelled instead.
   */
  async claim(request: ClaimRequest): Promise<Claim> {
    const { id, fence, nowMs, errorMs = 0, isNew, nonce, leaseUntilMs: asked } = request;
    const earliestMs = nowMs - errorMs;
    const redriven = request.retryOf === undefined ? {} : await this.#checkRedrive(request, request.retryOf);
    if ('kind' in redriven) return redriven;
    if (request.group !== undefined && request.release === undefined)
      return holdJob(this.held, { ...request, ...redriven });
    const change = claimChange({ ...request, ...redriven });
    const mayBeNew = isNew && request.group === undefined && !whyNotCreated(request);
    if (mayBeNew && (await this.#putNew(id, change))) {
      const { tries } = change.append;
      return { kind: 'claimed', attempts: 1, tries, leaseUntilMs: asked, label: change.setOnce.label };
    }
    const claimed = await this.updateAndGet(id, change);
    if (claimed) return this.#toClaim(claimed, fence, nowMs);
    const record = await this.get(id);
    // It expired between the two calls, so it is free again.
    if (!record) return whyNotCreated(request) ?? whyNotReleased(request) ?? this.claim(request);
    if (record.nonce !== nonce) {
      // An earlier version queued it, or a producer that writes no records.
      if (record.nonce === undefined && !request.needsNonce)
        return this.claim({ ...request, nonce: undefined });
      return { kind: 'refused', reason: `the message is not the one that job ${id} was enqueued with` };
    }
    const { state, leaseUntilMs = earliestMs } = record;
    if (TERMINAL_STATES.has(state)) return { kind: 'ended', record };
    if (record.release !== request.release) return { kind: 'stale' };
    if (state === 'running' && record.fence === fence) return this.#toClaim(record, fence, nowMs);
    if (state === 'running' && leaseUntilMs >= earliestMs) return { kind: 'running', untilMs: leaseUntilMs };
    // This claim was already requeued, and the repeated call comes too late.
    if (record.fence === fence) return { kind: 'waiting', state };
    // Without a release no message of a held job may run.
    if (state === 'held' && request.release === undefined) return { kind: 'stale' };
    if (isOverLimit(request, record))
      return { kind: 'refused', reason: request.overLimit ?? '', fails: nonce !== undefined };
    if (record.cancelRequestedAt === undefined) return this.claim(request);
    const cancelled = await this.updateAndGet(id, this.#cancellation(id, nowMs, earliestMs));
    return cancelled ? { kind: 'ended', record: cancelled } : this.claim(request);
  }

  /** Reverts a claim that may have been written: the try and the attempt are removed. */
  async revertClaim(id: string, fence: string, nowMs: number): Promise<void> {
    const record = await this.get(id);
    if (record?.state !== 'running' || record.fence !== fence) return;
    const { release, tries } = record;
    await this.requeue(id, fence, { endedAtMs: nowMs, refund: 1, tries: tries?.slice(0, -1), release });
  }

  /** Renews the lease of a running try. `cancel-requested`: it is written, and somebody cancelled the job. */
  async renew(id: string, fence: string, leaseUntilMs: number): Promise<WriteResult | 'cancel-requested'> {
    const record = await this.updateAndGet(id, { ...ownedByClaim(fence), set: { leaseUntilMs } });
    if (!record) return 'taken-over';
    return record.cancelRequestedAt === undefined ? 'written' : 'cancel-requested';
  }

  /**
   * Writes the output of a running try.
   *
   * @param index of the try in the `tries` of its claim
   */
  async writeLog(id: string, fence: string, index: number, log: TryLog): Promise<WriteResult> {
    const done = await this.update(id, { ...ownedByClaim(fence), set: { [`tries[${index}].log`]: log } });
    return done ? 'written' : 'taken-over';
  }

  /** Writes the key of a body that is too long for the record, in any state of the job, if there is a record. */
  async writeBodyKey(id: string, bodyKey: string, bodyDigest?: string): Promise<void> {
    const condition = 'attribute_exists(#pk) AND attribute_not_exists(#bodyKey)';
    await this.update(id, { condition, set: { bodyKey, bodyDigest } });
  }

  /** Writes, once, that the message of a job that ended under this claim is in the dead-letter queue. */
  async writeDeadLettered(id: string, fence: string, nowMs: number): Promise<void> {
    const condition = '#fence = :fence AND attribute_not_exists(#deadLetteredAt)';
    const set = { deadLetteredAt: new Date(nowMs).toISOString() };
    await this.update(id, { condition, values: { ':fence': fence }, set, remove: ['deadLetterError'] });
  }

  /** Writes why the message of a job that ended under this claim is not in the dead-letter queue yet. */
  async writeDeadLetterError(id: string, fence: string, error: string): Promise<void> {
    const condition = '#fence = :fence AND attribute_not_exists(#deadLetteredAt)';
    await this.update(id, { condition, values: { ':fence': fence }, set: { deadLetterError: error } });
  }

  /**
   * Whether a redriven dead letter may run as a new job: only if its job failed, and only once. If it may, the record of the
   * old job names the new job, which gets the same label, target and number of tries.
   */
  async #checkRedrive(
    { id, nonce, limitSeconds, overLimit }: ClaimRequest,
    oldId: string,
  ): Promise<Extract<Claim, { kind: 'refused' }> | Pick<ClaimRequest, 'label' | 'target' | 'repeated'>> {
    // An earlier call has accepted it.
    if (await this.get(id)) return {};
    const longLimit = overLimit === undefined ? undefined : limitSeconds;
    const repeated = await this.updateAndGet(oldId, createRedriveChange(id, nonce, longLimit));
    if (repeated) {
      const { label, target } = repeated;
      return {
        ...(label !== undefined && { label }),
        ...(target !== undefined && { target }),
        repeated: selectRepeatedFields(repeated),
      };
    }
    const old = await this.get(oldId);
    const isProven = nonce !== undefined && old?.nonce === nonce;
    return {
      kind: 'refused',
      reason: `the message says that it is a dead letter of job ${oldId}, ${explainRefusedRedrive(old, nonce)}`,
      ...(isProven && { provenId: oldId }),
    };
  }

  async #toClaim(record: JobRecord, fence: string, nowMs: number): Promise<Claim> {
    const { id, attempts, tries = [], leaseUntilMs, bodyDigest } = record;
    const firstStartedAt = await this.#noteFirstStart(record, fence, nowMs);
    const grouped = toGroupedClaim({ ...record, firstStartedAt });
    const kept = { bodyDigest, label: findLabel(record), grouped };
    if (!areOverlong(tries)) return { kind: 'claimed', attempts, tries, leaseUntilMs, ...kept };
    const bounded = boundTries(tries);
    await this.update(id, { ...ownedByClaim(fence), set: { tries: bounded } });
    return { kind: 'claimed', attempts, tries: bounded, leaseUntilMs, ...kept };
  }

  /**
   * Notes when a health check was first claimed. A claim does not know which job is one, so that this is a write of its own. A
   * claim that is repeated with its fence makes up for a write that failed.
   */
  async #noteFirstStart(
    { id, stage, firstStartedAt }: JobRecord,
    fence: string,
    nowMs: number,
  ): Promise<string | undefined> {
    if (stage !== 'check' || firstStartedAt !== undefined) return firstStartedAt;
    const startedAt = new Date(nowMs).toISOString();
    await this.update(id, { ...ownedByClaim(fence), setOnce: { firstStartedAt: startedAt } });
    return startedAt;
  }

  /** Cancels a job that nobody runs any more. */
  #cancellation(id: string, nowMs: number, earliestMs: number): Change {
    return {
      condition: claimable('attribute_exists(#cancelRequestedAt)'),
      values: { ':queued': 'queued', ':running': 'running', ':now': earliestMs },
      set: {
        state: 'cancelled',
        listed: statePartition('cancelled', id),
        reason: CANCELLED_REASON,
        endedAt: new Date(nowMs).toISOString(),
        expires: expiryOfCancelled(nowMs, this.recordSeconds),
      },
      remove: ['listing', 'leaseUntilMs'],
    };
  }

  /**
   * Puts the record of a claim of a new job. That takes half the time of an update, most of which is its expressions. False:
   * there is a record, or the agent's role does not allow PutItem (any more: its stack was rolled back).
   */
  async #putNew(id: string, { set, setOnce, append, add }: ReturnType<typeof claimChange>): Promise<boolean> {
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
 * The condition that nobody runs a job, and one more. AND has precedence over OR. Emulators of DynamoDB parse it twenty times
 * as fast without parentheses, and every claim has this condition.
 */
function claimable(and: string): string {
  return `#state = :queued AND ${and} OR #state = :running AND #leaseUntilMs < :now AND ${and}`;
}

const HAS_LIMIT = '#limitSeconds = :set_limitSeconds AND attribute_not_exists(#limitUnchecked)';

function isOverLimit(request: ClaimRequest, { limitSeconds, limitUnchecked }: JobRecord): boolean {
  return needsItsLimit(request) && (limitUnchecked === true || limitSeconds !== request.limitSeconds);
}

/** A job with a group has a record before it has a message. */
function whyNotReleased({ id, release }: ClaimRequest): Extract<Claim, { kind: 'refused' }> | undefined {
  if (release === undefined) return undefined;
  return {
    kind: 'refused',
    reason: `the message was sent for job ${id}, which has no record any more`,
  };
}

type Attributes = { [Name in keyof JobRecord]?: JobRecord[Name] | undefined };

/** Undefined: the job has no group. */
function toGroupedClaim(record: Attributes): GroupedClaim | undefined {
  const { group, requestId, target, index, count, command, stage, stageOf, maxAttempts } = record;
  if (group === undefined) return undefined;
  const { checkSeconds, firstStartedAt, notNowAt, release } = record;
  const hasDeadline = stage === 'check' && checkSeconds !== undefined && firstStartedAt !== undefined;
  return {
    group,
    requestId,
    target,
    index,
    count,
    command,
    stage,
    stageOf,
    maxAttempts,
    release,
    checkSeconds,
    checkUntilMs: hasDeadline ? Date.parse(firstStartedAt) + checkSeconds * 1000 : undefined,
    notNowAtMs: notNowAt === undefined ? undefined : Date.parse(notNowAt),
  };
}

function claimChange(request: ClaimRequest) {
  const { id, messageId, instance, fence, nowMs, errorMs = 0, leaseUntilMs, enqueuedAtMs, body } = request;
  const { group, label, requestId, limitSeconds, retryOf, nonce, release } = request;
  const startedAt = new Date(nowMs).toISOString();
  const enqueuedAt = new Date(enqueuedAtMs).toISOString();
  const isFree =
    whyNotCreated(request) || request.release !== undefined ? '' : 'attribute_not_exists(#pk) OR ';
  const isBound = nonce === undefined ? 'attribute_not_exists(#nonce)' : '#nonce = :nonce';
  const isAllowed = needsItsLimit(request) ? ` AND ${HAS_LIMIT}` : '';
  const isReleased = release === undefined ? '' : ' AND #release = :release';
  // A claim counts once, however late a retry of it arrives.
  const may = `attribute_not_exists(#cancelRequestedAt) AND NOT #fence = :set_fence AND ${isBound}${isAllowed}${isReleased}`;
  // A released job is held. Agents and keepers of earlier versions queue it if they have tried it.
  const isHeld = release === undefined ? '' : `#state = :held AND ${may} OR `;
  return {
    condition: `${isFree}${isHeld}${claimable(may)}`,
    values: {
      ...(release !== undefined && { ':held': 'held' }),
      ':queued': 'queued',
      ':running': 'running',
      ':now': nowMs - errorMs,
      ':nonce': nonce,
      ':release': release,
    },
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
      listed: runningPartition(instance),
      state: 'running',
    },
    setOnce: {
      enqueuedAt,
      listedAt: listingSortKey(enqueuedAt, id),
      ...(body !== undefined && createBodyAttributes(body)),
      label,
      retryOf,
      ...(retryOf && { nonce }),
    },
    append: { tries: [{ key: tryKey(nowMs, fence), instance, startedAt }] },
    add: { attempts: 1 },
    remove: ['endedAt', 'exitStatus', 'signal', 'reason', 'expires', 'notBefore', 'listing'],
  } satisfies Change;
}
