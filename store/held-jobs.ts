import { ConditionalCheckFailedException, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createNonce } from '../jobs/binding.ts';
import type { JobRecord, JobState } from '../jobs/record.ts';
import { batchGetJobs } from './batches.ts';
import type { ClaimRequest } from './claim.ts';
import { expiryOfEnded, expiryOfQueued } from './expiry.ts';
import { toItem } from './item.ts';
import { JobEndings } from './job-endings.ts';
import { statePartition } from './partitions.ts';

/** `unchanged`: the job is not held, or was released or recalled under this number or a higher one. */
export type ReleaseResult =
  | { kind: 'released'; record: JobRecord }
  | { kind: 'unchanged'; record: JobRecord | undefined };

/**
 * The records of jobs that a group holds and releases. Such a job has the state `held` until its claim. It may run while it has a
 * `release`. Agents of earlier versions run no held job.
 */
export class HeldJobs extends JobEndings {
  /**
   * Releases a held job. Each release of a group has a higher number than the one before.
   *
   * @param atMs when its group gave it a lane
   */
  async release(id: string, release: number, atMs: number): Promise<ReleaseResult> {
    const releasedAt = new Date(atMs).toISOString();
    const record = await this.updateAndGet(id, {
      condition:
        '#state = :held AND attribute_not_exists(#release) AND ' +
        '(attribute_not_exists(#lastRelease) OR #lastRelease < :set_lastRelease)',
      values: { ':held': 'held' },
      set: {
        release,
        lastRelease: release,
        releasedAt,
        listed: statePartition('queued', id),
        expires: expiryOfQueued(atMs, this.recordSeconds),
      },
    });
    return record ? { kind: 'released', record } : { kind: 'unchanged', record: await this.get(id) };
  }

  /**
   * Takes a release back. It has no effect on a job that has ever begun, also if its tries cost no attempt: it may have left something
   * at work on its target. Neither this release nor an earlier one, even if it is written later, has an effect after it.
   *
   * @returns whether the job is held without a release
   */
  async recall(id: string, release: number): Promise<boolean> {
    const done = await this.update(id, {
      condition:
        '#state = :held AND attribute_not_exists(#startedAt) AND ' +
        '(#release = :set_lastRelease OR attribute_not_exists(#release) AND ' +
        '(attribute_not_exists(#lastRelease) OR #lastRelease <= :set_lastRelease))',
      values: { ':held': 'held' },
      set: { lastRelease: release, listed: statePartition('held', id) },
      remove: ['release', 'releasedAt', 'sentAt', 'notBefore', 'expires'],
    });
    return done;
  }

  /** Notes that the message of a release was sent. False: that release is over. */
  markSent(id: string, release: number, nowMs: number): Promise<boolean> {
    return this.update(id, {
      condition: '#release = :release',
      values: { ':release': release },
      set: { sentAt: new Date(nowMs).toISOString() },
    });
  }

  /** Notes that a plain job is in its group, so that it does not come into it once more. */
  async markPlaced(id: string, nowMs: number): Promise<void> {
    await this.update(id, {
      condition: 'attribute_exists(#pk)',
      set: { placedAt: new Date(nowMs).toISOString() },
    });
  }

  /**
   * Ends a job that does not run: `lost` when no message of it is left, `skipped` when its request was cancelled, `failed` when
   * its body is not there. Undefined: it is not held, nor was it released and queued by an agent of an earlier version.
   */
  endHeld(
    id: string,
    state: 'lost' | 'skipped' | 'failed',
    reason: string,
    nowMs: number,
  ): Promise<JobRecord | undefined> {
    return this.updateAndGet(id, {
      condition: '#state = :held OR #state = :queued AND attribute_exists(#release)',
      values: { ':held': 'held', ':queued': 'queued' },
      set: {
        state,
        reason,
        listed: statePartition(state, id),
        endedAt: new Date(nowMs).toISOString(),
        expires: expiryOfEnded(nowMs, this.recordSeconds),
      },
      remove: ['notBefore'],
    });
  }

  /** Strongly consistent. An id without a record is missing in the result. */
  getMany(ids: Iterable<string>): Promise<Map<string, JobRecord>> {
    return batchGetJobs(this.client, this.table, ids);
  }

  /** Creates a record of a held job. False: there is a record. */
  async create(record: JobRecord): Promise<boolean> {
    try {
      await this.client.send(
        new PutItemCommand({
          TableName: this.table,
          Item: toItem(record),
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /**
   * Holds a job that an earlier version has queued, or that is to be held by the message that it was queued with.
   *
   * @param own what the record is to keep of the message, if it does not have it
   */
  hold(
    id: string,
    nonce: string | undefined,
    own: Pick<ClaimRequest, 'group' | 'target' | 'attributes'>,
  ): Promise<JobRecord | undefined> {
    const isBound = nonce === undefined ? 'attribute_not_exists(#nonce)' : '#nonce = :nonce';
    return this.updateAndGet(id, {
      condition: `#state = :queued AND ${isBound}`,
      values: { ':queued': 'queued', ':nonce': nonce },
      set: { state: 'held' satisfies JobState, listed: statePartition('held', id) },
      setOnce: { nonce: createNonce(), ...own },
      remove: ['notBefore', 'expires'],
    });
  }
}
