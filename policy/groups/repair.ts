import type { OutJob } from './state.ts';

/** What the record of a job that is out says. Undefined: there is none. */
export interface OutRecord {
  state: 'held' | 'queued' | 'running' | 'ended';
  release?: number | undefined;
  lastRelease?: number | undefined;
  sentAtMs?: number | undefined;
}

/**
 * What is left to be done for a job that is out.
 *
 * - `end`: it has ended, and its lane is to go on.
 * - `release`: its release was cut off before its message was sent, or the note of that was.
 * - `recall`: it was recalled, and its lane is to be freed.
 * - `lose`: its message is older than the queue keeps messages, so nothing can start it any more.
 * - `look`: its message was sent a while ago. If the queue has no message, somebody has removed it, and it is sent again.
 */
export type Repair = 'none' | 'end' | 'release' | 'recall' | 'lose' | 'look';

/** A release takes less than this. What is younger may be in progress. */
const IN_PROGRESS_MS = 20_000;
/** By then SQS counts a message ("GetQueueAttributes": its numbers become exact within a minute or so). */
const COUNTED_MS = 600_000;

export function decideRepair(
  job: OutJob,
  record: OutRecord | undefined,
  nowMs: number,
  retentionMs: number,
): Repair {
  if (job.stage === 'unhealthy') return 'none';
  const isYoung = nowMs - job.releasedAtMs < IN_PROGRESS_MS;
  // The record of a roll-back or a check is written after its stage.
  if (!record) return isStaged(job) ? (isYoung ? 'none' : 'release') : 'end';
  if (record.state === 'ended') return 'end';
  if (record.state === 'running') return 'none';
  const { release, lastRelease = 0, sentAtMs } = record;
  if (release === job.release && sentAtMs !== undefined) {
    if (nowMs - sentAtMs >= retentionMs) return 'lose';
    return record.state === 'held' && nowMs - sentAtMs >= COUNTED_MS ? 'look' : 'none';
  }
  // An agent of an earlier version has tried a queued job, which has its message.
  if (isYoung || record.state === 'queued') return 'none';
  return release === undefined && lastRelease >= job.release ? 'recall' : 'release';
}

function isStaged({ stage }: OutJob): boolean {
  return stage === 'rollBack' || stage === 'check';
}
