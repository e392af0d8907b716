import type { JobRecord, JobState } from './record.ts';
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

/** Why a message is not redriven that says it is a dead letter of this job; ends a sentence about the job. */
export function whyNotRedriven(old: JobRecord | undefined, nonce: string | undefined): string {
  if (!old) return 'of which nothing is known (any more); `mayfly dlq redrive` makes a new job of it';
  if (old.nonce !== undefined && old.nonce !== nonce)
    return 'and is not the one that this job was enqueued with';
  if (old.retriedAs !== undefined) return `which was retried as job ${old.retriedAs} already`;
  if (!DEAD.has(old.state)) return `which is ${old.state}`;
  return 'which this fleet allows no limit as long as that of the message';
}
