import { bodyKey } from '../../jobs/body-key.ts';
import { formatAttributes } from '../../jobs/message-attributes.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { createBodyAttributes } from '../../store/body-in-record.ts';
import { digestBody } from '../../store/body-store.ts';
import { expiryOfQueued } from '../../store/expiry.ts';
import { jobKey } from '../../store/keys.ts';
import { listingSortKey, statePartition } from '../../store/partitions.ts';
import { awsTime, type FleetContext } from '../context.ts';
import { BadBodyError } from '../errors.ts';
import { createJobIndex } from '../job-records.ts';
import { shownState } from '../job-state.ts';
import type { PreparedJob } from './prepare.ts';

/** A record that existed before: the job was enqueued earlier. */
export interface EarlierRecord {
  record: JobRecord;
  /** Its message may not have been sent. A second send is harmless: messages with one id are one job. */
  mayBeUnsent: boolean;
  /** Its message must not be sent now, because it would name another body. */
  conflict?: BadBodyError;
}

/**
 * Writes the record of a prepared job, or returns the record that exists. A record whose message is lost is replaced.
 * `job.nonce` becomes that of the record.
 */
export async function recordJob(context: FleetContext, job: PreparedJob): Promise<EarlierRecord | undefined> {
  const catalogue = createJobIndex(context);
  for (;;) {
    const nowMs = await awsTime(context);
    if (await catalogue.createOnce(createRecord(job, context, nowMs))) return undefined;
    const record = (await catalogue.getMany([job.id])).get(job.id);
    if (!record) {
      // It was cleaned up, or its time to live ended between the two calls.
      job.nonce = (await catalogue.findRemovedNonce(job.id)) ?? job.nonce;
      continue;
    }
    if (shownState(record, context.facts, nowMs) !== 'lost' || record.state === 'lost') {
      job.nonce = record.nonce;
      return earlierRecord(job, record);
    }
    await catalogue.remove(job.id, { onlyEnded: false });
  }
}

/**
 * Writes the records of prepared jobs. Returns those that existed before, which stay as they are. Jobs with a
 * deduplication key are checked always, others only if `resumed`.
 */
export async function recordJobs(
  context: FleetContext,
  jobs: readonly PreparedJob[],
  resumed: boolean,
): Promise<ReadonlyMap<PreparedJob, EarlierRecord>> {
  const catalogue = createJobIndex(context);
  const records = resumed ? await catalogue.getMany(jobs.map(({ id }) => id)) : new Map<string, never>();
  const created = jobs.filter(({ id, isDeduplicated }) => !isDeduplicated && !records.has(id));
  const earlier = new Map<PreparedJob, EarlierRecord>();
  for (const job of jobs) {
    const record = records.get(job.id);
    if (!record || job.isDeduplicated) continue;
    job.nonce = record.nonce;
    earlier.set(job, earlierRecord(job, record));
  }
  const nowMs = context.clock.now();
  await Promise.all([
    catalogue.createMany(created.map((job) => createRecord(job, context, nowMs))),
    ...jobs.map(async (job) => {
      if (!job.isDeduplicated) return;
      const found = await recordJob(context, job);
      if (found) earlier.set(job, found);
    }),
  ]);
  return earlier;
}

function earlierRecord(job: PreparedJob, record: JobRecord): EarlierRecord {
  const { state, attempts, startedAt, release, placedAt } = record;
  const isUnplaced = state === 'held' && release === undefined && placedAt === undefined;
  const mayBeUnsent = isUnplaced || (state === 'queued' && attempts === 0 && startedAt === undefined);
  const other = mayBeUnsent ? findDifference(job, record) : undefined;
  if (other === undefined) return { record, mayBeUnsent };
  const conflict = new BadBodyError(
    `The job was not enqueued: job ${job.id} is ${state} with another ${other} and has the same dedupe key. Wait for its end, ` +
      'or cancel it and clean it up.',
  );
  return { record, mayBeUnsent, conflict };
}

/** What the job that would be sent again has otherwise than its record, by which it runs. */
function findDifference(
  { envelope, target, text, viaBucket }: PreparedJob,
  { group, target: recorded, bodyDigest }: JobRecord,
): 'group' | 'target' | 'body' | undefined {
  if (group !== envelope.group) return 'group';
  if (recorded !== target) return 'target';
  // The bucket has one body for an id. The agent compares it with the digest in the record.
  const isSameBody = !viaBucket || bodyDigest === undefined || bodyDigest === digestBody(text);
  return isSameBody ? undefined : 'body';
}

function createRecord(job: PreparedJob, { facts, isFromStack }: FleetContext, nowMs: number): JobRecord {
  const { id, envelope, label, target, text, viaBucket, retryOf, repeated, nonce, delaySeconds, attributes } =
    job;
  const { limitSeconds, group, requestId } = envelope;
  const enqueuedAt = new Date(nowMs).toISOString();
  const state = group === undefined ? 'queued' : 'held';
  const isLimitKnown = facts.maxLimitSeconds !== undefined || isFromStack === true;
  return {
    pk: jobKey(id),
    id,
    state,
    attempts: 0,
    listed: statePartition(state, id),
    listedAt: listingSortKey(enqueuedAt, id),
    enqueuedAt,
    ...(delaySeconds && { notBefore: new Date(nowMs + delaySeconds * 1000).toISOString() }),
    ...(state === 'queued' && { expires: expiryOfQueued(nowMs, facts.recordSeconds) }),
    ...(nonce !== undefined && { nonce }),
    ...createBodyAttributes(text),
    ...(viaBucket && { bodyKey: bodyKey(id), bodyDigest: digestBody(text) }),
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(limitSeconds !== undefined && !isLimitKnown && { limitUnchecked: true }),
    ...(group !== undefined && { group }),
    ...(target !== undefined && { target }),
    ...(group !== undefined &&
      Object.keys(attributes).length > 0 && { attributes: formatAttributes(attributes) }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
    ...(retryOf !== undefined && { retryOf }),
    ...repeated,
  };
}
