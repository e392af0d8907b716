import { createOwnJobId } from '../jobs/message.ts';
import type { JobRecord, JobState, Stage, Try } from '../jobs/record.ts';

/** What a job with a group has in common with the job that it repeats, beside its body and what a message says. */
export type RepeatedFields = Pick<JobRecord, 'index' | 'count' | 'maxAttempts'>;

export function selectRepeatedFields({ index, count, maxAttempts }: JobRecord): RepeatedFields {
  return {
    ...(index !== undefined && { index }),
    ...(count !== undefined && { count }),
    ...(maxAttempts !== undefined && { maxAttempts }),
  };
}

/** What an agent writes of a job when it claims it. */
export interface ClaimRequest {
  id: string;
  messageId: string;
  instance: string;
  /** Unique for each claim. Every later write of this try must match it. */
  fence: string;
  /** AWS's time, and how far it may be off. A lease counts as expired only if it is expired in any case. */
  nowMs: number;
  errorMs?: number | undefined;
  leaseUntilMs: number;
  enqueuedAtMs: number;
  /** A job with a group is claimed with the number of its release. Without one it is held. */
  group?: string | undefined;
  target?: string | undefined;
  release?: number | undefined;
  /** The producers' attributes, for a job that is held (`formatAttributes`). */
  attributes?: string | undefined;
  /** Written if the record has none. */
  label?: string | undefined;
  requestId?: string | undefined;
  limitSeconds?: number | undefined;
  retryOf?: string | undefined;
  /** What the job has of the job that it repeats, for a job that is held. */
  repeated?: RepeatedFields | undefined;
  /** The message's nonce. The record's nonce, if it has one, must be the same. */
  nonce?: string | undefined;
  /** The reason with which the claim is refused if the job has no record. */
  needsRecord?: string | undefined;
  /** The claim is refused if the record has no nonce. */
  needsNonce?: boolean | undefined;
  /** The reason with which the claim is refused if the record does not have this `limitSeconds` already. */
  overLimit?: string | undefined;
  /** The body. The record keeps a short one. */
  body?: string | undefined;
  /** Whether there is probably no record yet. If there is one, that costs a write. */
  isNew?: boolean | undefined;
}

/** What the record of a job of a group says about its try. */
export interface GroupedClaim {
  group: string;
  /** The number of its release. */
  release?: number | undefined;
  requestId?: string | undefined;
  target?: string | undefined;
  index?: number | undefined;
  count?: number | undefined;
  /** The name of the command that runs instead of the fleet's. */
  command?: string | undefined;
  stage?: Stage | undefined;
  stageOf?: string | undefined;
  /** Of a health check: how long it may take from its first claim, and when that time is over, in AWS's time. */
  checkSeconds?: number | undefined;
  checkUntilMs?: number | undefined;
  /** Instead of the fleet's. */
  maxAttempts?: number | undefined;
  /** When its worker first exited with status 75, in AWS's time. */
  notNowAtMs?: number | undefined;
}

export type Claim =
  /** `tries`: the new one is the last. `leaseUntilMs`: what the table has, whichever attempt of the call wrote it. */
  | {
      kind: 'claimed';
      attempts: number;
      tries: Try[];
      leaseUntilMs: number | undefined;
      /** For the worker's environment. */
      label?: string | undefined;
      /** The digest of the job's body in the bucket, if its record has one. */
      bodyDigest?: string | undefined;
      /** Absent: the job has no group. */
      grouped?: GroupedClaim | undefined;
    }
  /** The job has ended. Its message is a duplicate, or its agent crashed before it could delete it. */
  | { kind: 'ended'; record: JobRecord }
  /** Another claim runs it, at least until then. */
  | { kind: 'running'; untilMs: number }
  /** The claim was written, and reverted since. */
  | { kind: 'waiting'; state: JobState }
  /** The job is held, and has to get its place in its group. */
  | { kind: 'held'; record: JobRecord }
  /** The message is of an earlier release, or of a job that is held again. Nothing may run. */
  | { kind: 'stale' }
  /**
   * The message is refused, and no record was changed. `provenId`: it is a dead letter of this job, but is not redriven.
   * `fails`: it is the job's own message, and the job can never run.
   */
  | { kind: 'refused'; reason: string; provenId?: string; fails?: boolean };

/** For a redriven dead letter the record of the old job has the limit. */
export function needsItsLimit({ overLimit, retryOf }: ClaimRequest): boolean {
  return overLimit !== undefined && retryOf === undefined;
}

/** Why this message may not create a record of the job. */
export function whyNotCreated(request: ClaimRequest): Extract<Claim, { kind: 'refused' }> | undefined {
  const { id, messageId, needsRecord, overLimit = '' } = request;
  if (needsRecord !== undefined) return { kind: 'refused', reason: needsRecord };
  if (!needsItsLimit(request)) return undefined;
  return { kind: 'refused', reason: overLimit, fails: id === createOwnJobId(messageId) };
}
