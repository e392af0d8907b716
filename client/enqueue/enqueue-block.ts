import type { FleetContext } from '../context.ts';
import { explainError } from '../explain.ts';
import { holdJobs } from './hold.ts';
import type { PreparedJob } from './prepare.ts';
import { type EarlierRecord, recordJobs } from './record.ts';
import { type SendResult, sendJobs } from './send.ts';

/** A prepared job with its number in the run. */
export interface NumberedJob {
  number: number;
  job: PreparedJob;
}

/** What became of one job of a block. */
export type BlockOutcome = NumberedJob & { sending: SendResult; deduplicated: boolean };

/**
 * Enqueues the prepared jobs of one block: writes their records, then sends their messages. Never rejects.
 *
 * @param resumed an earlier run may have enqueued some of these jobs
 */
export async function enqueueBlock(
  context: FleetContext,
  block: readonly NumberedJob[],
  resumed: boolean,
): Promise<BlockOutcome[]> {
  const jobs = block.map(({ job }) => job);
  try {
    const earlier = context.facts.trackJobs ? await recordJobs(context, jobs, resumed) : NONE;
    const unsent = jobs.filter((job) => isToBeSent(earlier.get(job)));
    const isHeld = ({ envelope }: PreparedJob) => envelope.group !== undefined;
    const sent = sendJobs(
      context,
      unsent.filter((job) => !isHeld(job)),
    );
    const held = holdJobs(context, unsent.filter(isHeld));
    const sendings = new Map([...(await sent), ...(await held)]);
    return block.map(({ number, job }) => ({
      number,
      job,
      sending: sendings.get(job) ?? earlierSending(earlier.get(job)),
      deduplicated: job.isDeduplicated && earlier.has(job),
    }));
  } catch (error) {
    const cause = explainError(context.facts, error);
    return block.map((job) => ({ ...job, sending: { kind: 'refused', cause }, deduplicated: false }));
  }
}

const NONE: ReadonlyMap<PreparedJob, EarlierRecord> = new Map();

function isToBeSent(earlier: EarlierRecord | undefined): boolean {
  return !earlier || (earlier.mayBeUnsent && !earlier.conflict);
}

function earlierSending(earlier: EarlierRecord | undefined): SendResult {
  return earlier?.conflict ? { kind: 'refused', cause: earlier.conflict } : { kind: 'sent' };
}
