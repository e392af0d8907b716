import { BodyMissing, BodyOfAnother, type BodyStore } from './bodies.ts';
import type { JobRecord, JobState } from '../jobs/record.ts';
import type { Change } from './update.ts';

const DEAD: ReadonlySet<JobState> = new Set(['failed', 'timed_out', 'lost']);

/**
 * Notes in the record of a dead job that its dead letter runs again, if this is one and none was before.
 *
 * @param newId of the job that it becomes
 * @param nonce of the message
 * @param longLimit that the record has to have: the fleet allows it to no new job
 */
export function redriveChange(newId: string, nonce: string | undefined, longLimit?: number): Change {
  const isBound = `attribute_not_exists(#nonce)${nonce === undefined ? '' : ' OR #nonce = :nonce'}`;
  const isFirst = 'attribute_not_exists(#retriedAs) OR #retriedAs = :set_retriedAs';
  const isAllowed =
    longLimit === undefined
      ? ''
      : ' AND #limitSeconds = :longLimit AND attribute_not_exists(#limitUnchecked)';
  return {
    condition: `#state IN (:failed, :timed_out, :lost) AND (${isBound}) AND (${isFirst})${isAllowed}`,
    values: {
      ':failed': 'failed',
      ':timed_out': 'timed_out',
      ':lost': 'lost',
      ':nonce': nonce,
      ':longLimit': longLimit,
    },
    set: { retriedAs: newId },
  };
}

/**
 * The body of a job in the bucket, for the job that repeats it: its own, else that of the first job. SQS's redrive leaves an
 * envelope as it is, so that names the first job however often the message was redriven; its nonce stays the same, too.
 * Anybody can write an envelope with any job's id.
 *
 * @param repeated the job that is proven to be repeated
 * @param first the job that the envelope names
 * @param nonce of the message
 * @throws BodyOfAnother where nothing proves that the message was the first job's, or as the store does
 */
export async function bodyOfRepeated(
  store: BodyStore,
  recordOf: (id: string) => Promise<JobRecord | undefined>,
  { repeated, first, nonce }: { repeated: string; first: string; nonce: string | undefined },
): Promise<string> {
  try {
    return await store.get(repeated, (await recordOf(repeated))?.bodyDigest);
  } catch (error) {
    if (repeated === first || !(error instanceof BodyMissing)) throw error;
  }
  const record = await recordOf(first);
  const isBound = record !== undefined && (record.nonce === undefined || record.nonce === nonce);
  if (!isBound || !DEAD.has(record.state)) throw new BodyOfAnother(first);
  return store.get(first, record.bodyDigest);
}

/** Why a message is not redriven that says it is a dead letter of this job; ends a sentence about the job. */
export function whyNotRedriven(old: JobRecord | undefined, nonce: string | undefined): string {
  if (!old) return 'of which nothing is known (any more); `mayfly dlq redrive` makes a new job of it';
  if (old.nonce !== undefined && old.nonce !== nonce)
    return 'and is not the one that this job was enqueued with';
  if (old.retriedAs !== undefined) return `which was retried as job ${old.retriedAs} already`;
  if (!DEAD.has(old.state)) return `which is ${old.state}`;
  return 'which this fleet allows no limit as long as that of the message';
}
