import type { FleetContext } from '../context.ts';
import { explain } from '../explain.ts';
import type { Order } from './order.ts';
import { type EarlierRecord, recordJobs } from './record.ts';
import { type Sending, sendJobs } from './send.ts';

/** A prepared job with its number in the run. */
export interface Numbered {
  number: number;
  order: Order;
}

/** What became of one job of a block. */
export type Outcome = Numbered & { sending: Sending; deduplicated: boolean };

/**
 * Enqueues the prepared jobs of one block: writes their records, then sends their messages. Never rejects.
 *
 * @param resumed an earlier run may have enqueued some of these jobs
 */
export async function enqueueBlock(
  context: FleetContext,
  block: readonly Numbered[],
  resumed: boolean,
): Promise<Outcome[]> {
  const jobs = block.map(({ order }) => order);
  try {
    const earlier = context.facts.trackJobs ? await recordJobs(context, jobs, resumed) : NONE;
    const unsent = jobs.filter((job) => isToBeSent(earlier.get(job)));
    const sendings = await sendJobs(context, unsent);
    return block.map(({ number, order }) => ({
      number,
      order,
      sending: sendings.get(order) ?? earlierSending(earlier.get(order)),
      deduplicated: order.deduped && earlier.has(order),
    }));
  } catch (error) {
    const cause = explain(context.facts, error);
    return block.map((job) => ({ ...job, sending: { kind: 'refused', cause }, deduplicated: false }));
  }
}

const NONE: ReadonlyMap<Order, EarlierRecord> = new Map();

function isToBeSent(earlier: EarlierRecord | undefined): boolean {
  return !earlier || (earlier.mayBeUnsent && !earlier.conflict);
}

function earlierSending(earlier: EarlierRecord | undefined): Sending {
  return earlier?.conflict ? { kind: 'refused', cause: earlier.conflict } : { kind: 'sent' };
}
