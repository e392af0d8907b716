import type { JobRecord, JobState } from '../jobs/record.ts';
import { BodyMissingError, type BodyStore, ForeignBodyError } from './body-store.ts';
import type { Change } from './update-expression.ts';

const DEAD: ReadonlySet<JobState> = new Set(['failed', 'timed_out', 'lost']);

/**
 * Notes in the record of a failed job that its dead letter runs again. The condition holds for its first redrive only.
 *
 * @param newId the id of the new job
 * @param nonce of the message
 * @param longLimit the limit that the record must have, since the fleet does not allow it for new jobs
 */
export function createRedriveChange(newId: string, nonce: string | undefined, longLimit?: number): Change {
  const isBound = `attribute_not_exists(#nonce)${nonce === undefined ? '' : ' OR #nonce = :nonce'}`;
  const isFirst = 'attribute_not_exists(#retriedAs) OR #retriedAs = :set_retriedAs';
  const isAllowed =
    longLimit === undefined
      ? ''
      : ' AND #limitSeconds = :longLimit AND attribute_not_exists(#limitUnchecked)';
  return {
    condition:
      `#state IN (:failed, :timed_out, :lost) AND attribute_not_exists(#stageOf) AND (${isBound}) AND ` +
      `(${isFirst})${isAllowed}`,
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
 * The body of a redriven job: that of the job it repeats, else that of the first job. SQS's redrive does not change the
 * message, so its envelope and its nonce are those of the first job however often it is redriven. But anybody can write an
 * envelope with the id of any job.
 *
 * @param repeated the job that is proven to be repeated
 * @param first the job that the envelope names
 * @param nonce of the message
 * @throws ForeignBodyError if nothing proves that the message was that of the first job, or as the store does
 */
export async function readRepeatedBody(
  store: BodyStore,
  recordOf: (id: string) => Promise<JobRecord | undefined>,
  { repeated, first, nonce }: { repeated: string; first: string; nonce: string | undefined },
): Promise<string> {
  try {
    return await store.get(repeated, (await recordOf(repeated))?.bodyDigest);
  } catch (error) {
    if (repeated === first || !(error instanceof BodyMissingError)) throw error;
  }
  const record = await recordOf(first);
  const isBound = record !== undefined && (record.nonce === undefined || record.nonce === nonce);
  if (!isBound || !DEAD.has(record.state)) throw new ForeignBodyError(first);
  return store.get(first, record.bodyDigest);
}

/** Why a message that claims to be a dead letter of this job is not redriven. It ends a sentence about the job. */
export function explainRefusedRedrive(old: JobRecord | undefined, nonce: string | undefined): string {
  if (!old) return 'which has no record; `mayfly dlq redrive` makes a new job of it';
  if (old.nonce !== undefined && old.nonce !== nonce)
    return 'and is not the one that this job was enqueued with';
  const stage = explainStage(old);
  if (stage !== undefined) return `which ${stage}`;
  if (old.retriedAs !== undefined) return `which was retried as job ${old.retriedAs} already`;
  if (!DEAD.has(old.state)) return `which is ${old.state}`;
  return 'which this fleet allows no limit as long as that of the message';
}

/**
 * Why a roll-back or a check is not repeated: without its lane it would run the fleet's command. It ends a sentence about the
 * job. Undefined: the job is neither.
 */
export function explainStage({ stage, stageOf, group }: JobRecord): string | undefined {
  if (stage === undefined) return undefined;
  const what = stage === 'check' ? 'health check' : 'roll-back';
  return (
    `is the ${what} of job ${stageOf} and part of that job's lane: retry that job, or free its lane ` +
    `(\`mayfly group show ${group}\`)`
  );
}
