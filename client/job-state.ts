import type { JobRecord, JobState } from '../jobs/record.ts';
import type { FleetFacts } from '../store/fleet-facts.ts';

/**
 * The state of a job at a time. It is the state in the record, except for these: a held job that was released is `queued`,
 * and a queued job whose message has exceeded the queue's retention period is `lost`.
 */
export function shownState(
  record: JobRecord,
  facts: Pick<FleetFacts, 'retentionSeconds'>,
  nowMs: number,
): JobState {
  const { state, release } = record;
  // An agent of an earlier version queues a released job again.
  const isReleased = release !== undefined && (state === 'held' || state === 'queued');
  if (state !== 'queued' && !isReleased) return state;
  const sentAt = isReleased ? (record.sentAt ?? record.releasedAt) : record.enqueuedAt;
  if (sentAt === undefined) return 'queued';
  const forgottenMs = Date.parse(sentAt) + facts.retentionSeconds * 1000;
  return nowMs > forgottenMs ? 'lost' : 'queued';
}
