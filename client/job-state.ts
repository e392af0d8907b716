import type { JobRecord, JobState } from '../jobs/record.ts';
import type { FleetFacts } from '../store/fleet-facts.ts';

/**
 * The state of a job at a time. It is the state in the record, except for a queued job whose message has exceeded the
 * queue's retention period: that job is `lost`.
 */
export function shownState(
  record: JobRecord,
  facts: Pick<FleetFacts, 'retentionSeconds'>,
  nowMs: number,
): JobState {
  if (record.state !== 'queued' || record.enqueuedAt === undefined) return record.state;
  const forgottenMs = Date.parse(record.enqueuedAt) + facts.retentionSeconds * 1000;
  return nowMs > forgottenMs ? 'lost' : 'queued';
}
